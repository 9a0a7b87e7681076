"""The records of a table, read again whenever they are asked for: so one of any length is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.answers.given import joined
from mmzoo.answers.pieces import pieces, rows_at_a_time
from mmzoo.data.lazy.columns import Column, TableColumn, given
from mmzoo.data.lazy.pieces import Pieces
from mmzoo.data.readers import reader_of
from mmzoo.data.readers.base import CellReader
from mmzoo.data.readers.shards import Shards
from mmzoo.data.records import Records
from mmzoo.data.rereading import Piece, Reread
from mmzoo.errors import require


def records_of(source: Raw, reread: Reread) -> Records:
    """The records of a table, with their labels.

    Of a file that is read in pieces, and of shards, the labels are held, and which inputs a record has; its inputs are
    read when they are asked for, best in order. Of any other table all records are held, as they are while it is read.

    Raises:
        MMZooError: the table cannot be read, has no labels where they are wanted, or has no records.
    """
    source = str(source) if hasattr(source, "__fspath__") else source
    if not in_pieces(source):
        return joined(pieces(source, reread))

    def begun(start: int) -> Iterator[Piece]:
        return reread.pieces(source, rows_at_a_time(reread.spec), start) if start else pieces(source, reread)

    kept = Pieces(begun)
    inputs = reread.spec.input_names
    there: dict[str, list[np.ndarray]] = {name: [] for name in inputs}
    labels: dict[str, list[Raw]] = {}
    same: dict[str, str] = {}
    for piece in kept.all():
        for name, values in piece.content.records.columns.items():
            if name in inputs:
                there[name].append(given(values))
            else:  # the name of a class stands in memory once
                named = (same.setdefault(each, each) if isinstance(each, str) else each for each in values)
                labels.setdefault(name, []).extend(named)
    require(kept.starts, f"The table '{source}' has no records; give at least one.")
    masks = {name: np.concatenate(each) for name, each in there.items()}
    rows = np.arange(len(masks[inputs[0]]))
    kind = Column if isinstance(reader_of(source), Shards) else TableColumn

    def value(name: str) -> Callable[[int], Raw]:
        def read(row: int) -> Raw:
            piece = kept.of(row)
            return piece.content.records.columns[name][row - piece.start]

        return read

    def name_of(row: int) -> str:
        piece = kept.of(row)
        return piece.content.records.ids[row - piece.start]

    columns = {name: kind(value(name), rows, masks[name]) for name in inputs}
    return Records({**columns, **labels}, Column(name_of, rows, np.ones(len(rows), bool)))


def in_pieces(source: Raw) -> bool:
    """Is a table read in little memory, from its beginning or from further on?"""
    if not isinstance(source, str):
        return False
    reader = reader_of(source)
    return reader.alike(source) if isinstance(reader, CellReader) else isinstance(reader, Shards)
