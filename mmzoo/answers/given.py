"""What a user gives to be answered, and what is given back: one record, a table in memory, a DataFrame."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from mmzoo.aliases import Raw, Untyped
from mmzoo.answers.rows.answered import Row
from mmzoo.data.records import Records
from mmzoo.data.rereading import Piece, Reread
from mmzoo.data.schema.layout import Layout
from mmzoo.errors import DataError, MMZooError
from mmzoo.messages.words import one_line

CLOSE = 0.8
"""How alike a misspelt name is to the right one, by `difflib`."""


def is_one(given: Raw) -> bool:
    """Is it one record: a mapping, or a row of a DataFrame?"""
    return isinstance(given, Mapping) or is_row(given)


def is_row(given: Raw) -> bool:
    """Is it a row of a DataFrame of pandas, a Series of cells by the names of columns?"""
    return hasattr(given, "iloc") and hasattr(given, "to_dict") and not hasattr(given, "columns")


def one_record(given: Raw, reread: Reread) -> dict[str, Raw]:
    """One record by the names of the inputs; what it lacks is left out.

    A mapping is by the names of the inputs already, unless it has a column of the table that the model was trained on
    and that no input is called like. Of a row of a table, columns that no input reads are left out.

    Raises:
        MMZooError: a cell cannot be used.
    """
    one_row = hasattr(given, "columns") and hasattr(given, "__len__") and len(given) == 1
    row: Untyped = given
    record = row.to_dict() if is_row(given) else given
    apart = {*reread.layout.kinds} - {*reread.spec.input_names}
    if isinstance(record, Mapping) and not is_row(given) and not apart & record.keys():
        return dict(record)
    if not one_row and not isinstance(record, Mapping):
        said = f"{type(given).__name__} of {_length(given)}"
        raise MMZooError(f"One record is a mapping or one row of a table, not {said}.")
    if isinstance(record, Mapping):
        tell_misspelt([str(key) for key in record], reread.layout)
    (piece,) = reread.pieces([dict(record)] if isinstance(record, Mapping) and not one_row else given, 1)
    found = {name: piece.records.column(name)[0] for name in reread.spec.input_names}
    for value in found.values():
        for cell in value.values() if isinstance(value, dict) else (value,):
            if isinstance(cell, DataError):
                raise cell
    return {name: value for name, value in found.items() if value is not None}


def tell_misspelt(names: list[str], layout: Layout) -> None:
    """Say which names of a record nobody reads and are nearly those of columns that it lacks."""
    found = layout.found_in(names)
    lacking = [column for column in layout.kinds if column not in found]
    for name in set(names) - {*found.values()}:
        if close := difflib.get_close_matches(name, lacking, 1, CLOSE):
            logging.getLogger("mmzoo").warning("Nothing reads '%s'; did you mean '%s'?", one_line(name, 40), close[0])


def _length(given: Raw) -> str:
    return f"{len(given):,} rows" if hasattr(given, "__len__") else "unknown length"


def like(given: Raw, rows: list[Row]) -> Any:
    """Answers as what was given: a DataFrame of the same library, with the same index, or the rows as they are."""
    if hasattr(given, "iloc") and hasattr(given, "columns"):
        import pandas

        table: Untyped = given
        return pandas.DataFrame(rows, index=table.index)
    if type(given).__module__.partition(".")[0] == "polars":
        import polars

        return polars.DataFrame(rows, infer_schema_length=None)
    return rows


def joined(pieces: Iterable[Piece]) -> Records:
    """The records of all pieces."""
    ids: list[str] = []
    columns: dict[str, list[Raw]] = {}
    for piece in pieces:
        ids += piece.records.ids
        for name, values in piece.records.columns.items():
            columns.setdefault(name, []).extend(values)
    return Records(columns, ids)
