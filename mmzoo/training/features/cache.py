"""Features of frozen networks, kept on disk from run to run.

In the folder of `mmzoo.files.cache`, if there is one. A file is named by a hash of everything that its content depends
on, so runs that share one may use it at the same time: each writes beside under a name of its own and renames, and a
file that another run has removed is computed anew.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import keras
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

import mmzoo
from mmzoo.aliases import Tensor, Tree
from mmzoo.errors import MMZooError
from mmzoo.files import BESIDE, read_file, write_file
from mmzoo.files.cache import claim, folder, is_own

ROWS = 1024  # hashed at a time
LIMIT = 4 * 10**9  # bytes in the folder; the files that were not used for longest go first
ABANDONED = 24 * 3600  # seconds after which a file that is still being written is that of a run that was killed
NAME = re.compile(r"[0-9a-f]{32}\.features")  # see `key_of`
HEADER = 2**16  # bytes that a file has beside the numbers


def kept(what: str, key: str, like: Tree, leading: tuple[int, ...], compute: Callable[[], Tree]) -> Tree:
    """What `compute` gives, a structure of arrays; from disk where it is there under `key`.

    A file that is damaged or another's, or holds other arrays, is computed anew; a disk that is full is no error.

    Args:
        like: the same structure of tensors (any, ...), whose types the arrays have.
        leading: what the arrays have for the first axis of these.
    """
    place = folder()
    if place is None:
        return compute()
    path = place / f"{key}.features"
    if (found := read(path, keras.tree.flatten(like), leading)) is not None:
        with suppress(OSError):  # another run may have made room
            os.utime(path, follow_symlinks=False)
        print(f"{what}: taken from {path}")
        return keras.tree.pack_sequence_as(like, found)
    made = compute()
    try:
        claim(place)
        data = save({f"{k:02d}": np.ascontiguousarray(array) for k, array in enumerate(keras.tree.flatten(made))})
        if len(data) <= LIMIT:
            make_room(place, LIMIT - len(data))
            write_file(path, hashlib.sha256(data).digest() + data, mode=0o600)
    except (OSError, MMZooError) as error:
        print(f"{what}: not kept for later runs ({error})")
    return made


def read(path: Path, like: list[Tensor], leading: tuple[int, ...]) -> list[np.ndarray] | None:
    """The arrays of a file; None where there is none that can be used.

    Args:
        like, leading: see `kept`; what is not of these types and shapes, or not finite, is not used.
    """
    if not (is_own(path.parent, stat.S_ISDIR, links=True) and is_own(path, stat.S_ISREG)):
        return None
    shapes = [(*leading, *tensor.shape[1:]) for tensor in like]
    types = [keras.backend.standardize_dtype(tensor.dtype) for tensor in like]
    size = sum(math.prod(shape) * np.dtype(kind).itemsize for shape, kind in zip(shapes, types, strict=True))
    try:
        data = read_file(path, links=False, limit=size + HEADER)
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            return None
        arrays = load(data[32:])
    # What is in it may be anything: it is a hash, not a signature.
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None
    if sorted(arrays) != [f"{k:02d}" for k in range(len(like))]:
        return None
    found = [arrays[name] for name in sorted(arrays)]
    if [(array.shape, str(array.dtype)) for array in found] != list(zip(shapes, types, strict=True)):
        return None
    return found if all(np.isfinite(array).all() for array in found) else None


def make_room(place: Path, limit: int) -> None:
    """Remove the files that were not used for longest until the rest has at most `limit` bytes, and abandoned ones.

    Nothing is removed but plain files of the names that `kept` gives.
    """
    found = []
    for path in place.iterdir():
        if not (NAME.fullmatch(path.name) or BESIDE.fullmatch(path.name)):
            continue
        with suppress(OSError):  # another run is making room as well
            facts = os.lstat(path)
            if stat.S_ISREG(facts.st_mode):
                found.append((facts.st_mtime, facts.st_size, path))
    total = 0
    for used, size, path in sorted(found, reverse=True):
        total += size
        whole = NAME.fullmatch(path.name)
        if (whole and total > limit) or (not whole and used < time.time() - ABANDONED):
            with suppress(OSError):
                path.unlink()


def key_of(facts: object, weights: list[keras.Variable], arrays: dict[str, Tree]) -> str:
    """A hash of plain data, of weights, and of the arrays or `Examples` that go in."""
    digest = hashlib.sha256(json.dumps([mmzoo.__version__, keras.__version__, facts], sort_keys=True).encode())
    for array in [*map(np.asarray, weights), *(arrays[name] for name in sorted(arrays))]:
        digest.update(f"{array.dtype}{array.shape}".encode())
        array = array if array.shape else array[None]
        for start in range(0, len(array), ROWS):
            rows = array[start : start + ROWS]
            digest.update(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()[:32]
