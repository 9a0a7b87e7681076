"""Tables in Parquet files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

from mmzoo.aliases import Raw
from mmzoo.data.readers import frames, readers
from mmzoo.data.readers.base import FileReader
from mmzoo.data.tables.cells import Cells
from mmzoo.data.tables.packed import opened
from mmzoo.data.tables.pieces import shifted
from mmzoo.errors import MMZooError, require

MOST_CELLS = 2**28
"""Cells of one file: a few bytes can claim any number of them."""


@readers.register("parquet")
class Parquet(FileReader):
    """A Parquet file."""

    endings = (".parquet",)

    def parse(self, name: str, data: bytes, ending: str, encoding: str) -> Cells:
        return read(name, data)

    def pieces(self, source: Raw, rows: int, encoding: str = "", start: int = 0) -> Iterator[Cells]:
        name = f"The table '{Path(str(source))}'"
        with opened(str(source)) as file:
            first = 0
            for number, batch in enumerate(batches(name, file, rows)):
                if number >= start:
                    yield shifted(frames.cells_of(name, batch), first)
                first += len(batch[0][1])

    def alike(self, source: str) -> bool:
        return True

    def most_records(self, source: str) -> int | None:
        name = f"The table '{Path(source)}'"
        with opened(source) as file:
            try:
                return int(library(name)[1].ParquetFile(file).metadata.num_rows)
            except MMZooError:
                raise
            except Exception as error:
                raise MMZooError(damaged(name, error)) from error


def batches(name: str, file: BinaryIO, rows: int) -> Iterator[list[tuple[str, list[Raw]]]]:
    """The columns of an open file, so many records at a time.

    Raises:
        MMZooError: see `read`.
    """
    parquet = library(name)[1]
    try:
        for batch in parquet.ParquetFile(file).iter_batches(batch_size=rows):
            if batch.num_rows:
                yield without_index(
                    list(zip(batch.schema.names, [each.to_pylist() for each in batch.columns], strict=True))
                )
    except Exception as error:  # pyarrow raises a dozen kinds
        raise MMZooError(damaged(name, error)) from error


def read(name: str, data: bytes) -> Cells:
    """The cells of a Parquet file; the index that pandas stores beside them is left out.

    Raises:
        MMZooError: it is none, is cut short, claims too much, or pyarrow is not there.
    """
    pyarrow, parquet = library(name)
    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(data))
        cells = file.metadata.num_rows * file.metadata.num_columns
        table = file.read() if cells <= MOST_CELLS else None
        found = frames.arrow_columns(table) if table is not None else []
    except Exception as error:  # pyarrow raises a dozen kinds
        raise MMZooError(damaged(name, error)) from error
    require(cells <= MOST_CELLS, f"{name} has {cells} cells, over the limit of {MOST_CELLS}; split it.")
    return frames.cells_of(name, without_index(found))


def library(name: str) -> tuple[ModuleType, ModuleType]:
    """pyarrow, and what of it reads Parquet."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MMZooError(f"{name} needs pyarrow; install it: pip install pyarrow.") from error
    return pyarrow, parquet


def damaged(name: str, error: Exception) -> str:
    """What is said of a file that pyarrow cannot read."""
    return f"{name} is no whole Parquet file ({str(error).strip().partition(chr(10))[0][:120]}); write it again."


def without_index(columns: list[tuple[str, list[Raw]]]) -> list[tuple[str, list[Raw]]]:
    """Columns without the index that pandas stores beside them."""
    return [(column, values) for column, values in columns if not re.fullmatch(r"__index_level_\d+__", str(column))]
