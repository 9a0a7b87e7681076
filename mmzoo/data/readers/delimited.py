"""Tables whose cells are separated by commas, tabs or semicolons."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

from mmzoo.aliases import Raw
from mmzoo.data.cells import Cells, check_names, in_columns
from mmzoo.data.kinds import kind_of_path
from mmzoo.data.pieces import count_lines, is_utf8, line_pieces
from mmzoo.data.readers import readers
from mmzoo.data.readers.base import FileReader, text_of_file
from mmzoo.errors import DataError, MMZooError, require

SEPARATORS = {",": "','", ";": "';'", "\t": "tabs", "|": "'|'"}
TRIED = 20  # lines that say which separator it is


@readers.register("delimited")
class Delimited(FileReader):
    """A CSV or TSV, also with semicolons."""

    endings = (".csv", ".tsv", ".tab")

    def parse(self, name: str, data: bytes, ending: str, encoding: str) -> Cells:
        text, said = text_of_file(name, data, encoding)
        return read(name, text, ending, said)

    def pieces(self, source: Raw, rows: int, encoding: str = "", start: int = 0) -> Iterator[Cells]:
        return line_pieces(self.parser(str(source)), str(source), encoding, rows, names=True, start=start)

    def alike(self, source: str) -> bool:
        return is_utf8(source)

    def most_records(self, source: str) -> int | None:
        return count_lines(source)


def read(name: str, text: str, ending: str, said: str = "") -> Cells:
    """The cells of a CSV or TSV; its first line has the names.

    Lines end in LF, CR LF or CR. A separator other than the ending's is found out, and said.
    """
    usual = "\t" if ending in (".tsv", ".tab") else ","
    told = re.match(r"sep=(.)\r?\n", text)  # as spreadsheets write it
    separator = told[1] if told else found_separator(text, usual)
    lines = rows_of(name, text[told.end() :] if told else text, separator, 1 + bool(told))
    require(lines, f"{name} has no records; give at least one line below the names.")
    if isinstance(lines[0][1], DataError):
        raise MMZooError(str(lines[0][1]))
    names = [column.strip() for column in lines[0][1]]
    for column in names:
        require(
            kind_of_path(column) is None,
            f"{name} has '{column}' in its first line, where the names of the columns should be; give it such a line.",
        )
    rows: list[list[str] | DataError] = []
    places = []
    for number, row in lines[1:]:
        if not isinstance(row, DataError) and len(row) != len(names):
            row = DataError(
                f"{name} has another number of fields in line {number} than in the first "
                f"({len(row)}, not {len(names)}); mend it.",
                "ragged_line",
            )
        rows.append(row)
        places.append(f"line {number}")
    index = ""
    if names[0] == "" and are_row_numbers([row[0] for row in rows if not isinstance(row, DataError)]):
        names[0] = index = "index"  # the numbers of the rows, as pandas writes them, without a name
        require("index" not in names[1:], f"{name} has no name for column 1; name it in the first line.")
    check_names(name, names)
    columns = in_columns(name, names, rows)
    if index:
        del columns[index]
    notes = [said] if said else []
    notes += ["its first column, the numbers of the rows, is left out"] if index else []
    notes += [f"its fields are separated by {SEPARATORS.get(separator, separator)}"] if separator != usual else []
    return Cells(name, columns, places, "; ".join(notes))


def are_row_numbers(cells: Sequence[str]) -> bool:
    """Are they whole numbers, no two the same, as pandas and R write before the rows, also of a part of a table?"""
    return all(cell.isascii() and cell.isdigit() for cell in cells) and len(set(cells)) == len(cells)


def found_separator(text: str, usual: str) -> str:
    """The usual separator, or the one that makes several fields of the first lines, as many of each, where it does not.

    Only the first lines are looked at.
    """
    start = [line for _, line in zip(range(TRIED), io.StringIO(text[:100_000], newline=""), strict=False)]

    def counts(separator: str) -> list[int]:
        try:
            return [len(row) for row in csv.reader(start, delimiter=separator, skipinitialspace=True) if row]
        except csv.Error:
            return [1]

    if max(counts(usual)[:1], default=1) > 1:
        return usual
    for separator in SEPARATORS:
        found = counts(separator)
        if separator != usual and found and found[0] > 1 and found.count(found[0]) > len(found) / 2:
            return separator
    return usual


def rows_of(name: str, text: str, separator: str, first: int) -> list[tuple[int, list[str] | DataError]]:
    """The number of the line where each row begins, and its fields; a `DataError` in place of what is not understood.

    Args:
        first: the number of the text's first line.

    Raises:
        MMZooError: a quote is opened and never closed, so that the rest of the table would be one cell.
    """
    options: Any = {"delimiter": separator, "strict": True, "skipinitialspace": separator != "\t"}
    found: list[tuple[int, list[str] | DataError]] = []
    limit = csv.field_size_limit(2**31 - 1)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), **options)
        while True:
            number = reader.line_num + first
            try:
                row = next(reader)
            except StopIteration:
                return found
            except csv.Error as error:
                if "end of data" in str(error):
                    raise MMZooError(
                        f"{name} has a quote in line {number} that is never closed; close it, or double it where it "
                        "is part of a text."
                    ) from None
                message = f"{name} has a misplaced quote in line {number} ({error}); double quotes within a quoted text"
                found.append((number, DataError(f"{message}.", "bad_line")))
                continue
            if len(row) > 1 or (row and row[0].strip()):
                found.append((number, row))
    finally:
        csv.field_size_limit(limit)
