"""JSON lines that come one after another: each is read by itself, and a bad one is what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from mmzoo.aliases import Raw
from mmzoo.data.readers.json_lines import row_of
from mmzoo.errors import DataError

LONGEST = 2**20
"""Bytes of a line. A larger value, such as a picture, belongs in a file whose path the line has."""

Row = dict[str, Raw]


def records_in(file: BinaryIO, name: str) -> Iterator[tuple[str, Row | DataError]]:
    """Where each record stands ("line 7") and its cells, or what is wrong with the line; empty lines are passed over.

    Of a line that is too long no more than `LONGEST` bytes are held.

    Args:
        file: gives the lines as they come.
        name: how an error calls it.
    """
    number = 0
    while line := file.readline(LONGEST + 1):
        number += 1
        longer = len(line) > LONGEST
        while len(line) > LONGEST and not line.endswith(b"\n"):
            line = file.readline(LONGEST + 1)
        if longer:
            yield f"line {number}", too_long(name, number)
        elif line.strip():
            yield f"line {number}", parsed(name, number, line)


def parsed(name: str, number: int, line: bytes) -> Row | DataError:
    """The cells of one line."""
    try:
        return row_of(name, number, line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return DataError(f"{name} is not UTF-8 in line {number}; write it so.", "bad_line")


def too_long(name: str, number: int) -> DataError:
    """What is wrong with a line of over `LONGEST` bytes."""
    said = f"{name} has over {LONGEST / 2**20:g} MB in line {number}; write large values to files and give their paths."
    return DataError(said, "long_line")
