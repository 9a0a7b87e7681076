"""Which records of a table are for training, which for validation and which for the test."""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from mmzoo.data.fingerprints import exact
from mmzoo.data.kinds import files
from mmzoo.data.table import Table
from mmzoo.data.threads import in_threads
from mmzoo.errors import DataError, MMZooError, require, unknown
from mmzoo.files import open_plain
from mmzoo.modalities.image.pictures.reading import is_pillow

SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}
LARGE = 0.1
"""The share of the records that hold the same from which it is worth saying."""


def parts_of(table: Table, label: str) -> np.ndarray:
    """The split of each record of a table: what its column `split` says, or drawn by what it holds.

    A record is drawn by the bytes of its files, all of them, or by a path as it is written where these cannot be had;
    one without files by all its cells but `id` and the label. So records whose files are byte for byte the same are on
    one side, whatever their names, numbers and texts are; and a record stays on its side wherever the table lies and
    when others are added. Records that have one of several files in common are not held together: `mmzoo data check`
    names them.

    Raises:
        MMZooError: the column `split` says something else than "train", "validation" and "test".
    """
    if "split" in table.columns:
        return told_parts(table)
    held = [files or cells_of(table, label, row) for row, files in enumerate(files_of(table))]
    most = max(Counter(map(tuple, held)).values())
    if most > max(LARGE * len(table), 2):
        logging.getLogger("mmzoo").info(
            "%d of %d records hold the same and stay on one side; a column 'split' overrules that.", most, len(table)
        )
    return np.array([drawn(each) for each in held])


def told_parts(table: Table) -> np.ndarray:
    """What the column `split` says."""
    parts = []
    for value, where in zip(table.written["split"], table.places, strict=True):
        if isinstance(value, DataError):
            raise MMZooError(str(value))
        said = str(value).strip() if value is not None else ""
        require(said, f"The column 'split' is empty in {where}; say train, validation or test.")
        if said not in SHARES:
            raise unknown("split called", said, SHARES)
        parts.append(said)
    return np.array(parts)


def files_of(table: Table) -> list[list[bytes]]:
    """The hashes of the files of each record, sorted; no two columns read a file twice."""
    found: list[list[bytes]] = [[] for _ in table.ids]
    values = [
        (row, column)
        for column, kind in table.kinds.items()
        if kind in files()
        for row in range(len(table))
        if table.written[column][row] is not None
    ]
    hashes = in_threads(lambda place: hash_of(table, *place), values, "comparing files")
    for (row, _), value in zip(values, hashes, strict=True):
        if value:
            found[row].append(value)
    return [sorted(each) for each in found]


def hash_of(table: Table, row: int, column: str) -> bytes:
    """The SHA-256 of the bytes of a file, or of what stands in its place; nothing where there is none."""
    written = table.written[column][row]
    try:
        value = table.columns[column][row]
    except MMZooError:  # a damaged shard
        value = None
    if value is None and isinstance(written, str):
        return b""  # a word that says so
    if isinstance(value, (str, Path)):
        found = digest_of(value)
    elif is_pillow(value):
        found = exact(np.asarray(value))
    elif isinstance(value, tuple):
        found = exact(np.asarray(value[0]))
    else:
        found = exact(value) if isinstance(value, (bytes, np.ndarray)) and len(value) else b""
    return found or hashlib.sha256(f"path {written}".encode("utf-8", "surrogatepass")).digest()


def digest_of(path: str | Path) -> bytes:
    """The SHA-256 of a file; nothing where it cannot be read or is empty, since empty files have nothing in common."""
    try:
        facts = Path(path).stat()
        return digest(str(path), facts.st_size, facts.st_mtime_ns) if facts.st_size else b""
    except (OSError, ValueError):
        return b""


@lru_cache(maxsize=2**18)
def digest(path: str, size: int, changed: int) -> bytes:
    """The SHA-256 of a file, read once while it has this size and was changed at this time."""
    file, _ = open_plain(path)
    with os.fdopen(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()


def cells_of(table: Table, label: str, row: int) -> list[bytes]:
    """What a record without files holds."""
    held = {}
    for column, values in table.columns.items():
        if column not in (label, "id"):
            value = values[row]
            held[column] = str(table.written[column][row] if isinstance(value, DataError) else value)
    return [repr(sorted(held.items())).encode("utf-8", "surrogatepass")]


def drawn(held: Sequence[bytes]) -> str:
    """The part that falls to what a record holds."""
    place = int.from_bytes(hashlib.sha256(b"".join(held)).digest()[:6], "big") / 2**48
    return "train" if place < SHARES["train"] else "test" if place < 1 - SHARES["validation"] else "validation"
