"""The files that answers are written to: CSV, JSON lines and Parquet.

**Formulas.** A spreadsheet runs what a cell of a CSV begins with `=`, `+`, `-` or `@`, and names of labels and cells of
tables may be a stranger's. So in a CSV, and only there, a text that begins so (or with a tab or a carriage return) and
is no number gets an apostrophe before it, as OWASP asks ("CSV Injection"): the spreadsheet shows it as text. JSON lines
and Parquet have every text as it is.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from mmzoo.errors import MMZooError, require
from mmzoo.files import writing
from mmzoo.modalities.tabular.cells import number_of

Row = dict[str, Any]
Blocks = Callable[[], Iterable[list[Row]]]
"""Gives all rows, some at a time, as often as it is called."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_rows(path: Path, columns: Sequence[str], blocks: Blocks) -> int:
    """Write rows to a file by its ending, so that it is whole or not there; how many texts of a CSV got an apostrophe.

    Args:
        columns: of the file, in order; a row may lack some.

    Raises:
        MMZooError: it cannot be written, or pyarrow is missing.
    """
    with writing(path) as file:
        return WRITERS[check_ending(path)](file, columns, blocks)


def check_ending(path: Path) -> str:
    """The ending of a file of answers.

    Raises:
        MMZooError: there is no such format, or what it needs is not installed.
    """
    ending = path.suffix.lower()
    require(ending in WRITERS, f"Answers are written to a .csv, .jsonl or .parquet file, not to '{path}'.")
    if ending == ".parquet":
        arrow()
    return ending


def write_csv(file: BinaryIO, columns: Sequence[str], blocks: Blocks) -> int:
    """Lists are JSON in their cell; nothing is an empty cell."""
    text = io.TextIOWrapper(file, "utf-8", errors="replace", newline="")
    writer = csv.writer(text, lineterminator="\n")
    count = 0

    def cells(values: Iterable[Any]) -> Iterator[Any]:
        nonlocal count
        for value in values:
            value = json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
            if isinstance(value, str) and value.startswith(FORMULA) and number_of(value) is None:
                value, count = f"'{value}", count + 1
            yield value

    writer.writerow(cells(columns))
    for rows in blocks():
        for row in rows:
            writer.writerow(cells(row.get(column) for column in columns))
    text.flush()
    text.detach()
    return count


def write_jsonl(file: BinaryIO, columns: Sequence[str], blocks: Blocks) -> int:
    for rows in blocks():
        for row in rows:
            line = json.dumps({column: row.get(column) for column in columns}, ensure_ascii=False)
            file.write(line.encode("utf-8", "replace") + b"\n")
    return 0


def write_parquet(file: BinaryIO, columns: Sequence[str], blocks: Blocks) -> int:
    """A column is of numbers, of whole ones, of lists of texts, or of texts, whatever all its values are."""
    pyarrow, parquet = arrow()
    seen: dict[str, set[type]] = {column: set() for column in columns}
    for rows in blocks():
        for row in rows:
            for column, value in row.items():
                seen[column].add(type(value))
    types = {column: arrow_type(pyarrow, found - {type(None)}) for column, found in seen.items()}
    schema = pyarrow.schema(list(types.items()))
    with parquet.ParquetWriter(file, schema) as writer:
        for rows in blocks():
            arrays = [
                pyarrow.array([as_type(row.get(column), kind) for row in rows], kind) for column, kind in types.items()
            ]
            writer.write_table(pyarrow.table(arrays, schema=schema))
    return 0


def arrow_type(pyarrow: Any, found: set[type]) -> Any:
    """What a column is that has values of these types."""
    if found == {bool}:
        return pyarrow.bool_()
    if found == {int}:
        return pyarrow.int64()
    if found and found <= {int, float}:
        return pyarrow.float64()
    return pyarrow.list_(pyarrow.string()) if found == {list} else pyarrow.string()


def as_type(value: Any, kind: Any) -> Any:
    """A value of a column that is texts as a text."""
    return str(value) if str(kind) == "string" and value is not None else value


def arrow() -> tuple[Any, Any]:
    """pyarrow, and what of it writes Parquet."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MMZooError("A .parquet file needs pyarrow; install it (pip install pyarrow), or write .csv.") from error
    return pyarrow, parquet


WRITERS: dict[str, Callable[[BinaryIO, Sequence[str], Blocks], int]] = {
    ".csv": write_csv,
    ".jsonl": write_jsonl,
    ".parquet": write_parquet,
}
