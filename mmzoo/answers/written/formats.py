"""The files that answers are written to: CSV, JSON lines, Parquet, and arrays of NumPy.

**Formulas.** A spreadsheet runs what a cell of a CSV begins with `=`, `+`, `-` or `@`, and names of labels and cells of
tables may be a stranger's. So in a CSV, and only there, a text that begins so (or with a tab or a carriage return) and
is no number gets an apostrophe before it, as OWASP asks ("CSV Injection"): the spreadsheet shows it as text. All others
have every text as it is.
"""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mmzoo.aliases import Raw, Untyped
from mmzoo.errors import MMZooError, require
from mmzoo.files import writing
from mmzoo.modalities.tabular.cells import number_of

Row = Mapping[str, Raw]
Blocks = Callable[[], Iterable[Sequence[Row]]]
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
    require(ending in WRITERS, f"Answers are written to a .csv, .jsonl, .npz or .parquet file, not to '{path}'.")
    if ending == ".parquet":
        arrow()
    return ending


def check_free(path: Path, *, overwrite: bool, option: str = " --out") -> None:
    """Raise unless a file may be written there.

    Args:
        overwrite: may one that is there be replaced?
        option: of the command line that says where, for the error, with a space before it.
    """
    require(
        overwrite or not os.path.lexists(path),
        f"'{path}' is there already; give --overwrite to replace it, or choose another{option}.",
    )
    require(path.parent.is_dir(), f"The folder '{path.parent}' does not exist; make it, or choose another{option}.")


def write_csv(file: BinaryIO, columns: Sequence[str], blocks: Blocks) -> int:
    """Lists are JSON in their cell; nothing is an empty cell."""
    text = io.TextIOWrapper(file, "utf-8", errors="replace", newline="")
    writer = csv.writer(text, lineterminator="\n")
    count = 0

    def cells(values: Iterable[object]) -> Iterator[object]:
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
    """A column is of numbers, of whole ones, of vectors (lists of float32), of lists of texts, or of texts."""
    pyarrow, parquet = arrow()
    types = {column: arrow_type(pyarrow, found) for column, found in types_of(columns, blocks).items()}
    schema = pyarrow.schema(list(types.items()))
    with parquet.ParquetWriter(file, schema) as writer:
        for rows in blocks():
            arrays = [
                pyarrow.array([as_type(row.get(column), kind) for row in rows], kind) for column, kind in types.items()
            ]
            writer.write_table(pyarrow.table(arrays, schema=schema))
    return 0


def write_npz(file: BinaryIO, columns: Sequence[str], blocks: Blocks) -> int:
    """An array a column: of vectors float32 (N, D), of numbers float64, of whole ones int64, of true and false bool, or
    of texts, "" where there is none. NaN stands for a number or a vector that is missing; a column without anything is
    left out. It is read without pickling, and written one column after another, in memory that does not grow.
    """
    kinds = {column: found for column, found in types_of(columns, blocks).items() if found}
    whole = dict.fromkeys(columns, 0)
    count, sizes, missing = 0, dict(whole), dict(whole)
    for rows in blocks():
        count += len(rows)
        for row in rows:
            for column, found in kinds.items():
                value = row.get(column)
                missing[column] += value is None
                if not found <= {bool, int, float}:
                    if isinstance(value, list) and found == {Vector}:
                        size = len(value)
                    else:
                        size = 0 if value is None else len(text_of(value))
                    sizes[column] = max(sizes[column], size)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for column, found in kinds.items():
            kind, width, nothing = array_type(found, sizes[column], missing[column] > 0)
            head = {"descr": np.dtype(kind).str, "fortran_order": False, "shape": (count, *width)}
            with archive.open(zipfile.ZipInfo(f"{column}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(member, head)
                for rows in blocks():
                    part = [nothing if (value := row.get(column)) is None else value for row in rows]
                    part = [text_of(value) for value in part] if kind.startswith("<U") else part
                    member.write(np.array(part, kind).tobytes())
    return 0


def array_type(found: set[type], size: int, gaps: bool) -> tuple[str, tuple[int, ...], object]:
    """The dtype of a column, the shape of one value, and what stands for one that is missing.

    Args:
        found: the types of its values.
        size: of its longest text or vector.
        gaps: are there rows without one?
    """
    if found == {Vector}:
        return "<f4", (size,), [np.nan] * size
    if found <= {bool, int, float} and (gaps or found not in ({bool}, {int})):
        return "<f8", (), np.nan
    if found in ({bool}, {int}):
        return "|b1" if found == {bool} else "<i8", (), 0
    return f"<U{max(size, 1)}", (), ""


class Vector:
    """What `types_of` calls the type of a list of numbers."""


def types_of(columns: Sequence[str], blocks: Blocks) -> dict[str, set[type]]:
    """By column, the types of the values that it has."""
    seen: dict[str, set[type]] = {column: set() for column in columns}
    for rows in blocks():
        for row in rows:
            for column, value in row.items():
                if value is not None:
                    seen[column].add(Vector if isinstance(value, list) and is_vector(value) else type(value))
    return seen


def is_vector(value: list[Raw]) -> bool:
    """Is it a list of numbers?"""
    return bool(value) and isinstance(value[0], float)


def text_of(value: object) -> str:
    """A value of a column of texts."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def arrow_type(pyarrow: Untyped, found: set[type]) -> Untyped:
    """What a column is that has values of these types."""
    if found == {bool}:
        return pyarrow.bool_()
    if found == {int}:
        return pyarrow.int64()
    if found and found <= {int, float}:
        return pyarrow.float64()
    if found == {Vector}:
        return pyarrow.list_(pyarrow.float32())
    return pyarrow.list_(pyarrow.string()) if found == {list} else pyarrow.string()


def as_type(value: object, kind: Untyped) -> object:
    """A value of a column that is texts as a text."""
    return str(value) if str(kind) == "string" and value is not None else value


def arrow() -> tuple[Untyped, Untyped]:
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
    ".npz": write_npz,
    ".parquet": write_parquet,
}
