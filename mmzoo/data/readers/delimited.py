"""Tables whose cells are separated by commas, tabs, semicolons or blanks."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import dropwhile
from typing import TypeAlias

from mmzoo.aliases import Raw
from mmzoo.data.readers import readers
from mmzoo.data.readers.base import FileReader, text_of_file
from mmzoo.data.schema.kinds import kind_of_path
from mmzoo.data.tables.cells import Cells, check_names, in_columns
from mmzoo.data.tables.pieces import count_lines, is_utf8, line_pieces
from mmzoo.errors import DataError, MMZooError, require
from mmzoo.modalities.tabular.amounts import is_plain
from mmzoo.modalities.tabular.cells import number_of

Line: TypeAlias = tuple[int, list[str] | DataError]
"""The number of the line where a row begins, and its fields, or what is wrong with them."""
SEPARATORS = {",": "','", ";": "';'", "\t": "tabs", "|": "'|'"}
MOSTLY = 0.5  # the share of the lines whose number of fields is that of the table
BLANKS = " "  # one or several between two fields
TRIED, MOST = 20, 1_000_000  # lines that say which separator it is, and their characters


@readers.register("delimited")
class Delimited(FileReader):
    """A CSV or TSV, also with semicolons or blanks."""

    endings = (".csv", ".tsv", ".tab", ".txt", ".dat")

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
    if separator == BLANKS:
        names, lines = by_blanks(names, lines)
    else:
        check_widths(name, text)
    check_first_line(name, names)
    check_counts(name, text, len(names), [len(row) for _, row in lines[1:] if isinstance(row, list)])
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
    while len(names) > 1 and names[-1] == "" and all(isinstance(row, DataError) or not row[-1].strip() for row in rows):
        # A separator at the end of each line.
        names, rows = names[:-1], [row if isinstance(row, DataError) else row[:-1] for row in rows]
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
    said = "blanks" if separator == BLANKS else SEPARATORS.get(separator, separator)
    notes += [f"its fields are separated by {said}"] if separator != usual else []
    return Cells(name, columns, places, "; ".join(notes))


def are_row_numbers(cells: Sequence[str]) -> bool:
    """Are they whole numbers, no two the same, as pandas and R write before the rows, also of a part of a table?"""
    return all(cell.isascii() and cell.isdigit() for cell in cells) and len(set(cells)) == len(cells)


def found_separator(text: str, usual: str) -> str:
    """The usual separator, or the one that makes several fields of the first lines, as many of each, where it does not.

    Only the first lines are looked at.
    """
    start = first_lines(text)

    def counts(separator: str) -> list[int]:
        return [len(row) for row in fields_of(start, separator)] or [1]

    if counts(usual)[0] > 1:
        return usual
    for separator in SEPARATORS:
        found = counts(separator)
        if separator != usual and found[0] > 1 and found.count(found[0]) > len(found) / 2:
            return separator
    return BLANKS if has_blanks_between(start) else usual


def first_lines(text: str) -> list[str]:
    """Some lines of a table, with the first of them its names."""
    found = [line for _, line in zip(range(TRIED), io.StringIO(text[:MOST], newline=""), strict=False)]
    return found[:-1] if len(found) > 2 and sum(map(len, found)) == MOST else found  # the last is cut


def fields_of(lines: Sequence[str], separator: str) -> list[list[str]]:
    """The fields of some lines; none where a quote is misplaced."""
    try:
        return [row for row in csv.reader(lines, delimiter=separator, skipinitialspace=True) if row]
    except csv.Error:
        return []


def has_blanks_between(lines: Sequence[str]) -> bool:
    """Are there blanks between the fields? As many in each line, and numbers in one column at least: words have blanks
    between them too.

    R writes one name less than there are fields, where it names the rows.
    """
    names, *rows = fields_of([line.strip() for line in lines], BLANKS) or [[]]
    counts = {len(row) for row in rows}
    if len(names) < 2 or counts not in ({len(names)}, {len(names) + 1}):
        return False
    columns = zip(*rows, strict=True)
    numbers = max(sum(is_number(cell) for cell in column) for column in columns)
    return numbers > len(rows) / 2


def is_number(text: str) -> bool:
    """Is it a number, with whichever decimal mark?"""
    return any(number_of(text, mark) is not None for mark in ".,")


def check_first_line(name: str, names: Sequence[str]) -> None:
    """Raise where the first line has the cells of a record in place of names.

    Numbers may be names, such as years, and wavelengths with decimals in their order.
    """
    for column in names:
        require(
            kind_of_path(column) is None,
            f"{name} has '{column}' in its first line, where the names of the columns should be; give it such a line.",
        )
    decimals = [float(column) for column in names if "." in column and is_plain(column)]
    require(
        len(decimals) <= len(names) / 2 or decimals in (sorted(decimals), sorted(decimals, reverse=True)),
        f"{name} has numbers in its first line ({', '.join(names[:3])} ...), where the names of the columns should be; "
        "give it such a line.",
    )


def by_blanks(names: list[str], lines: list[Line]) -> tuple[list[str], list[Line]]:
    """Names and rows without what blanks at the end of a line make; the first name is "" where R named the rows."""
    names = names[:-1] if names[-1] == "" else names
    rows = [(at, row[:-1] if isinstance(row, list) and row[-1] == "" else row) for at, row in lines]
    lengths = [len(row) for _, row in rows[1:] if isinstance(row, list)]
    of_rows = sum(length == len(names) + 1 for length in lengths) > len(lengths) / 2
    return (["", *names] if of_rows else names), rows


def check_counts(name: str, text: str, first: int, counts: Sequence[int]) -> None:
    """Raise where the first line has another number of fields than nearly all others, such as a title."""
    usual, times = Counter(counts).most_common(1)[0] if counts else (first, 0)
    if first == 1 and usual == 1:  # in all of the others below the first ones another separator may stand
        for separator in SEPARATORS:
            lengths = [len(row) for row in fields_of(first_lines(text), separator)]
            below = [*dropwhile(lambda length: length == 1, lengths)]
            usual = below[0] if len({*below}) == 1 and below[0] > 2 and len(below) > MOSTLY * len(lengths) else usual
    require(
        usual <= first or times < 2 or times <= MOSTLY * len(counts),
        f"{name} has {first} field{'' if first == 1 else 's'} in its first line and {usual} in others; remove what is "
        "above the line with the names of the columns, and give each a name.",
    )


def check_widths(name: str, text: str) -> None:
    """Raise where a table has no separator, but columns of one width each, in which cells are empty or have blanks."""
    start = [line.strip() for line in first_lines(text) if line.strip()]
    wide = [len(re.findall(r"\S {2,}(?=\S)", line)) for line in start]
    require(
        any(separator in start[0] for separator in SEPARATORS) or wide[0] < 2 or sum(map(bool, wide)) <= len(wide) / 2,
        f"{name} seems to have columns of one width each, with blanks between them and in some cells; save it as CSV.",
    )


def rows_of(name: str, text: str, separator: str, first: int) -> list[Line]:
    """The number of the line where each row begins, and its fields; a `DataError` in place of what is not understood.

    Args:
        first: the number of the text's first line.

    Raises:
        MMZooError: a quote is opened and never closed, so that the rest of the table would be one cell.
    """
    blanks = separator != "\t"
    found: list[Line] = []
    limit = csv.field_size_limit(2**31 - 1)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=blanks)
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
