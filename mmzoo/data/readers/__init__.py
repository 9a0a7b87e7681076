"""Readers of tables: each file gives the cells of one kind of source as they stand there."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

from mmzoo.data.readers import delimited, frames, json_lines, parquet
from mmzoo.data.readers.cells import Cells
from mmzoo.errors import MMZooError, require
from mmzoo.modalities.files import read_bytes

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""What the first bytes of a text say of its encoding; that of UTF-16 begins like one of UTF-32, so that goes first."""


def read_cells(source: Any, encoding: str = "") -> Cells:
    """The cells of a table: of a file by its ending, else of something in memory.

    Args:
        encoding: of the text in a file; UTF-8, or what its first bytes say, if not given.

    Raises:
        MMZooError: the table as a whole cannot be read.
    """
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
    require(
        found not in ("utf-8", "utf-8-sig") or data[:1000].count(0) <= len(data[:1000]) / 4,
        f"{name} is full of zero bytes, as UTF-16 is; save it as UTF-8, or say what it is: --encoding utf-16-le.",
    )
    try:
        text = data.decode(found)
    except LookupError:
        raise MMZooError(f"There is no encoding called '{encoding}'; {remedy}.") from None
    except UnicodeError as error:
        before = data[: getattr(error, "start", 0)].decode(found, "replace")
        raise MMZooError(f"{name} is not {found.upper()} in line {before.count(chr(10)) + 1}; {remedy}.") from None
    return text.removeprefix("\ufeff")
