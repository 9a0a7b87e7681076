"""What a record holds, as bytes: by it records are the same, and are drawn into splits."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mmzoo.data.lazy.threads import in_threads
from mmzoo.data.schema.kinds import files
from mmzoo.data.table import Table
from mmzoo.errors import DataError, MMZooError
from mmzoo.files import open_plain
from mmzoo.fingerprints import exact
from mmzoo.modalities.image.pictures.reading import is_pillow

TOGETHER = 1024
"""Records whose files are read together, on all cores."""


LOOKED_AT = 10_000
"""Records by which it is seen whether those differ that hold something else in columns of no input alone."""

DIFFERENT = 0.3
"""The share of them that must: where few inputs have few values, being equal is no sign of one record written twice."""


def contents_of(table: Table, label: str, group: str = "") -> Iterator[bytes]:
    """The SHA-256 of what each record holds: the bytes of its files, or of a path as it is written where these cannot
    be had; of one without files all its cells but `id`, `split`, the group and the label.

    Cells of columns that were found to be no inputs, such as the numbers of the rows, do not count either, as long as
    enough records still differ. What was left out because somebody said so counts: the split stays as it was.
    """
    apart = {label, "id", group} | ({"split"} if table.tells_parts else set())
    counted = [column for column, kind in table.kinds.items() if kind == "ignore" and column not in table.told]
    if not_read := {*counted} - apart:
        first = [*hashes(table.select(range(min(len(table), LOOKED_AT))), apart | not_read)]
        apart |= not_read if len({*first}) >= DIFFERENT * len(first) else set()
    yield from hashes(table, apart)


def hashes(table: Table, apart: set[str]) -> Iterator[bytes]:
    """The SHA-256 of each record without some columns."""
    with tqdm(total=len(table), desc="comparing records", unit="record", disable=None, leave=False, delay=2.0) as bar:
        for start in range(0, len(table), TOGETHER):
            rows = range(start, min(start + TOGETHER, len(table)))
            for row, found in zip(rows, files_of(table, rows), strict=True):
                yield hashlib.sha256(b"".join(found or cells_of(table, apart, row))).digest()
            bar.update(len(rows))


def files_of(table: Table, rows: range) -> list[list[bytes]]:
    """The hashes of the files of each of some records, sorted; no two columns read a file twice."""
    found: list[list[bytes]] = [[] for _ in rows]
    columns = [column for column, kind in table.kinds.items() if kind in files()]
    values = [
        (row, column)
        for row in rows  # of a table that is not in memory a record is there as a whole
        for column in columns
        if table.written[column][row] is not None
    ]
    hashes = in_threads(lambda place: hash_of(table, *place), values, "comparing files") if values else []
    for (row, _), value in zip(values, hashes, strict=True):
        if value:
            found[row - rows.start].append(value)
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


def cells_of(table: Table, apart: set[str], row: int) -> list[bytes]:
    """What a record without files holds."""
    held = {}
    for column, values in table.columns.items():
        if column not in apart:
            value = values[row]
            held[column] = str(table.written[column][row] if isinstance(value, DataError) else value)
    return [repr(sorted(held.items())).encode("utf-8", "surrogatepass")]
