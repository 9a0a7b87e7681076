"""Tables of JSON lines: an object a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

from mmzoo.aliases import Raw
from mmzoo.data.readers import readers
from mmzoo.data.readers.base import FileReader, text_of_file
from mmzoo.data.tables.cells import Cells, check_names, in_columns
from mmzoo.data.tables.pieces import count_lines, is_utf8, line_pieces
from mmzoo.errors import DataError
from mmzoo.files.limits import unique_keys

DEEPEST = 8
"""Lists and objects within each other in a cell; what is deeper is no value that anything here reads."""


@readers.register("json_lines")
class JSONLines(FileReader):
    """A file with a JSON object a line."""

    endings = (".jsonl",)
    ragged = True

    def parse(self, name: str, data: bytes, ending: str, encoding: str) -> Cells:
        text, said = text_of_file(name, data, encoding)
        return replace(read(name, text), note=said)

    def pieces(self, source: Raw, rows: int, encoding: str = "", start: int = 0) -> Iterator[Cells]:
        return line_pieces(self.parser(str(source)), str(source), encoding, rows, names=False, start=start)

    def alike(self, source: str) -> bool:
        return is_utf8(source)

    def most_records(self, source: str) -> int | None:
        return count_lines(source)


def read(name: str, text: str) -> Cells:
    """The cells of JSON lines. A line ends in LF, CR LF or CR, not in all that Unicode calls the end of a line."""
    rows: list[dict[str, Raw] | DataError] = []
    places = []
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if line.strip():
            rows.append(row_of(name, number, line))
            places.append(f"line {number}")
    names = list(dict.fromkeys(key for row in rows if isinstance(row, dict) for key in row))
    check_names(name, names)
    found = [row if isinstance(row, DataError) else [row.get(column) for column in names] for row in rows]
    return Cells(name, in_columns(name, names, found), places)


def row_of(name: str, number: int, line: str) -> dict[str, Raw] | DataError:
    """One line as an object, or what is wrong with it."""
    try:
        row = json.loads(line, object_pairs_hook=unique_keys)
    except json.JSONDecodeError as error:
        return DataError(f"{name} has no JSON in line {number} ({error.msg}); mend it.", "bad_line")
    except RecursionError:
        return DataError(f"{name} has JSON in line {number} that is nested too deeply; mend it.", "bad_line")
    except ValueError as error:  # a key that stands twice, or an integer of thousands of digits
        said = str(error).partition(";")[0]
        return DataError(f"{name} has JSON in line {number} that cannot be used ({said}); mend it.", "bad_line")
    if not isinstance(row, dict):
        return DataError(f'{name} has no JSON object in line {number}; write {{"column": value, ...}}.', "bad_line")
    deep = [key for key, value in row.items() if depth(value) > DEEPEST]
    if deep:
        return DataError(f"{name} has JSON in line {number} that is nested too deeply ('{deep[0]}').", "bad_line")
    return row


def depth(value: Raw) -> int:
    """How many lists and objects are within each other, counted until it is seen to be too deep."""
    found, level = 0, [value]
    while found <= DEEPEST and (outer := [each for each in level if isinstance(each, (list, dict))]):
        level = [part for each in outer for part in (each.values() if isinstance(each, dict) else each)]
        found += 1
    return found
