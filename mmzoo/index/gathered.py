"""Records on their way into an index: as arrays, so many as make up a segment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mmzoo.errors import require
from mmzoo.index.columns import Columns, Entry

SEGMENT_BYTES = 2**26
"""About so much is held in memory before it is written."""
ENTRIES_BYTES = 2**22
"""About so much of records that are not arrays yet, as which they take a fraction of it."""
ENTRY_BYTES = 2000
"""What the objects of a record take beside its vectors and files."""


def named(entries: Iterable[Entry], names: set[str]) -> Iterator[Entry]:
    """The records, whose names are put into `names`; raises where one stands twice."""
    for entry in entries:
        require(entry.id not in names, f"There are two records '{entry.id}'; each needs a name of its own.")
        names.add(entry.id)
        yield entry


def segments_of(entries: Iterable[Entry], inputs: Sequence[str], dim: int, dtype: str) -> Iterator[Columns]:
    """What the segments of an index are written of: the records as arrays, so many as make up a segment.

    Args:
        inputs, dtype: see `Columns.of`.
    """
    parts: list[Columns] = []
    for some in batches(entries, dim):
        parts.append(Columns.of(some, inputs, dim, dtype))
        if sum(part.bytes for part in parts) > SEGMENT_BYTES:
            yield Columns.joined(parts)
            parts = []
    if parts:
        yield Columns.joined(parts)


def batches(entries: Iterable[Entry], dim: int) -> Iterator[list[Entry]]:
    """The records, some at a time."""
    some: list[Entry] = []
    size = 0
    for entry in entries:
        some.append(entry)
        size += ENTRY_BYTES + 4 * dim * len(entry.vectors) + sum(map(len, entry.files.values()))
        if size > ENTRIES_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some
