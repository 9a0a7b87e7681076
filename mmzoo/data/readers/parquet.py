"""Tables in Parquet files."""

from __future__ import annotations

import re

from mmzoo.data.cells import Cells
from mmzoo.data.readers import frames, readers
from mmzoo.data.readers.base import FileReader
from mmzoo.errors import MMZooError, require

MOST_CELLS = 2**28
"""Cells of one file: a few bytes can claim any number of them."""


@readers.register("parquet")
class Parquet(FileReader):
    """A Parquet file."""

    endings = (".parquet",)

    def parse(self, name: str, data: bytes, ending: str, encoding: str) -> Cells:
        return read(name, data)


def read(name: str, data: bytes) -> Cells:
    """The cells of a Parquet file; the index that pandas stores beside them is left out.

    Raises:
        MMZooError: it is none, is cut short, claims too much, or pyarrow is not there.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MMZooError(f"{name} needs pyarrow; install it: pip install pyarrow.") from error
    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(data))
        cells = file.metadata.num_rows * file.metadata.num_columns
        table = file.read() if cells <= MOST_CELLS else None
        found = frames.arrow_columns(table) if table is not None else []
    except Exception as error:  # pyarrow raises a dozen kinds
        said = str(error).strip().partition("\n")[0][:120]
        raise MMZooError(f"{name} is no whole Parquet file ({said}); write it again.") from error
    require(cells <= MOST_CELLS, f"{name} has {cells} cells, over the limit of {MOST_CELLS}; split it.")
    kept = [(column, values) for column, values in found if not re.fullmatch(r"__index_level_\d+__", str(column))]
    return frames.cells_of(name, kept)
