"""Features of frozen networks, kept on disk from run to run.

In the folder that MMZOO_CACHE names, or ~/.cache/mmzoo; where it is set to nothing, nothing is kept. A file is named by
a hash of everything that its content depends on, so runs that share one may use it at the same time: each writes beside
under a name of its own and renames, and a file that another run has removed is computed anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.files import write_file

ROWS = 1024  # hashed at a time
LIMIT = 4 * 10**9  # bytes in the folder; the files that were not used for longest go first
ABANDONED = 24 * 3600  # seconds after which a file that is still being written is that of a run that was killed


def folder() -> Path | None:
    """Where features are kept; None for nowhere."""
    chosen = os.environ.get("MMZOO_CACHE")
    if chosen is None:
        return Path.home() / ".cache" / "mmzoo"
    return Path(chosen) if chosen else None


def kept(what: str, key: str, like: Any, compute: Callable[[], Any]) -> Any:
    """What `compute` gives, a structure of arrays such as `like`; from disk where it is there under `key`.

    A file that is damaged is computed anew; a disk that is full is no error.
    """
    place = folder()
    if place is None:
        return compute()
    path = place / f"{key}.features"
    if (found := read(path)) is not None:
        with suppress(FileNotFoundError):  # another run may have made room
            os.utime(path)
        print(f"{what}: taken from {path}")
        return keras.tree.pack_sequence_as(like, found)
    made = compute()
    try:
        place.mkdir(parents=True, exist_ok=True)
        data = save({f"{k:02d}": np.ascontiguousarray(array) for k, array in enumerate(keras.tree.flatten(made))})
        if len(data) <= LIMIT:
            make_room(place, LIMIT - len(data))
            mine = path.with_name(f"{path.name}-{uuid.uuid4().hex}")
            write_file(mine, hashlib.sha256(data).digest() + data)
            mine.replace(path)
    except (OSError, MMZooError) as error:
        print(f"{what}: not kept for later runs ({error})")
    return made


def read(path: Path) -> list[np.ndarray] | None:
    """The arrays of a file; None where there is none, or it is damaged."""
    try:
        data = path.read_bytes()
        if hashlib.sha256(data[32:]).digest() == data[:32]:
            arrays = load(data[32:])
            return [arrays[name] for name in sorted(arrays)]
    except (OSError, SafetensorError):
        pass
    return None


def make_room(place: Path, limit: int) -> None:
    """Remove the files that were not used for longest until the rest has at most `limit` bytes, and abandoned ones."""
    found = []
    for path in place.glob("*.features*"):
        with suppress(FileNotFoundError):  # another run is making room as well
            facts = path.stat()
            found.append((facts.st_mtime, facts.st_size, path))
    total = 0
    for used, size, path in sorted(found, reverse=True):
        total += size
        whole = path.suffix == ".features"
        if (whole and total > limit) or (not whole and used < time.time() - ABANDONED):
            path.unlink(missing_ok=True)


def key_of(facts: Any, weights: list[Any], arrays: dict[str, Any]) -> str:
    """A hash of plain data, of weights, and of the arrays or `Examples` that go in."""
    digest = hashlib.sha256(json.dumps([mmzoo.__version__, keras.__version__, facts], sort_keys=True).encode())
    for array in [*map(np.asarray, weights), *(arrays[name] for name in sorted(arrays))]:
        digest.update(f"{array.dtype}{array.shape}".encode())
        array = array if array.shape else array[None]
        for start in range(0, len(array), ROWS):
            rows = array[start : start + ROWS]
            digest.update(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()[:32]
