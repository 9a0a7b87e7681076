"""Readers of tables: each file gives the cells of one kind of source as they stand there."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmzoo.errors import DataError, MMZooError, require
from mmzoo.modalities.base import read_bytes
from mmzoo.modalities.cells import is_encodable

BAD_LINES = 0.1
"""The share of lines that cannot be read from which it is the table that is wrong, not the lines."""

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""What the first bytes of a text say of its encoding; that of UTF-16 begins like one of UTF-32, so that goes first."""


@dataclass
class Cells:
    """A table as it stands in its source.

    Args:
        name: how an error calls the table.
        columns: the cells by column. A `DataError` stands where a cell cannot be used, such as in a line that was
            not understood; None where there is none.
        places: where each record stands: "line 7".
        note: what was found out about the table as a whole; "" where there is nothing to say.
    """

    name: str
    columns: dict[str, list[Any]]
    places: list[str]
    note: str = ""


def read_cells(source: Any, encoding: str = "") -> Cells:
    """The cells of a table: of a file by its ending, else of something in memory.

    Args:
        encoding: of the text in a file; UTF-8, or what its first bytes say, if not given.

    Raises:
        MMZooError: the table as a whole cannot be read.
    """
    from mmzoo.data.readers import delimited, frames, json_lines, parquet

    if not isinstance(source, (str, Path)):
        return frames.read(source)
    path = Path(source)
    name, ending = f"The table '{path}'", path.suffix.lower()
    known = (".csv", ".tsv", ".jsonl", ".parquet")
    require(ending in known, f"{name} must end in .csv, .tsv, .jsonl or .parquet; convert it.")
    data = read_bytes(path, "table")[0]
    if ending == ".parquet":
        return parquet.read(name, data)
    text = decoded(name, data, encoding)
    return json_lines.read(name, text) if ending == ".jsonl" else delimited.read(name, text, ending)


def decoded(name: str, data: bytes, encoding: str = "") -> str:
    """The text of a file.

    Raises:
        MMZooError: it is not in that encoding; names the line and how to say another.
    """
    remedy = "save it as UTF-8, or say what it is: --encoding cp1252"
    found = encoding or next((name for bom, name in BOMS if data.startswith(bom)), "utf-8")
    try:
        text = data.decode(found)
    except LookupError:
        raise MMZooError(f"There is no encoding called '{encoding}'; {remedy}.") from None
    except UnicodeError as error:
        before = data[: getattr(error, "start", 0)].decode(found, "replace")
        raise MMZooError(f"{name} is not {found.upper()} in line {before.count(chr(10)) + 1}; {remedy}.") from None
    first = text.partition("\n")[0]
    require(
        isinstance(text, str) and "\0" not in first,
        f"{name} has zero bytes in its first line, as UTF-16 has; save it as UTF-8, or say: --encoding utf-16-le.",
    )
    return text.removeprefix("\ufeff")


def check_names(name: str, names: Sequence[str]) -> None:
    """Raise unless the names of the columns are there, different, and can be written."""
    seen: dict[str, int] = {}
    for place, column in enumerate(names, start=1):
        require(column.strip(), f"{name} has no name for column {place}; name it in the first line.")
        require(is_encodable(column), f"{name} has a name for column {place} with half a character; rename it.")
        require(
            column not in seen,
            f"{name} has two columns called '{column}' (columns {seen.get(column)} and {place}); rename one.",
        )
        seen[column] = place


def in_columns(name: str, names: Sequence[str], rows: Sequence[Sequence[Any] | DataError]) -> dict[str, list[Any]]:
    """Rows as columns; a row that was not understood is a fault in each of them.

    Raises:
        MMZooError: there is none, or so many were not understood that the table must be another than it seems.
    """
    require(rows, f"{name} has no records; give at least one line below the names.")
    bad = [row for row in rows if isinstance(row, DataError)]
    if bad and len(bad) > BAD_LINES * len(rows):
        raise MMZooError(str(bad[0]))
    return {
        column: [row if isinstance(row, DataError) else row[place] for row in rows]
        for place, column in enumerate(names)
    }
