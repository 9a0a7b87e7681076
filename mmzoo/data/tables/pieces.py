"""Tables some records at a time, so that one of any length is read in little memory.

A piece is parsed by the reader of the whole: of a text with lines it is given the first line, with the names, and the
lines of the piece; what it then says of lines is put right.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator

from mmzoo.data.tables.cells import Cells
from mmzoo.data.tables.packed import opened
from mmzoo.errors import DataError, MMZooError, require

LARGEST_PIECE = 2**30
"""Bytes of a piece: a line, or a quoted text that is never closed, may be of any length."""

WIDE = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""How texts begin whose lines do not end in the byte of a line feed."""

OPENS = re.compile(rb'(?:^|[,;\t|]) *"')
CLOSES = re.compile(rb'[^"]*(?:""[^"]*)*"(?!")')
BEFORE_NAMES = re.compile(rb"(\xef\xbb\xbf)?\s*(sep=.\s*)?")
"""Empty lines, and the line in which spreadsheets say what separates the fields."""

PLACE = re.compile(r"\b(line|row) (\d+)")

Parse = Callable[[bytes, str], Cells]
"""The bytes of a table and their encoding, as cells."""


def sliced(cells: Cells, rows: int) -> Iterator[Cells]:
    """Cells that are in memory, `rows` records at a time."""
    for start in range(0, len(cells.places), rows):
        part = slice(start, start + rows)
        columns = {column: values[part] for column, values in cells.columns.items()}
        yield Cells(cells.name, columns, cells.places[part], cells.note)


def line_pieces(parse: Parse, source: str, encoding: str, rows: int, *, names: bool, start: int = 0) -> Iterator[Cells]:
    """The cells of a file whose records are lines, about `rows` of them at a time; no piece is much smaller.

    Args:
        start: so many pieces are passed over, which takes little time.
        encoding: of its text; what its first bytes say, or what `parse` finds, if not given.
        names: does the first line have the names of the columns? A quoted text may then have several lines.

    Raises:
        MMZooError: the file cannot be read, or a record of it is too large.
    """
    with opened(source) as file:
        lines: Iterator[bytes] = file
        if is_wide(file, encoding):
            lines, encoding = narrowed(file, source, encoding), ""
        records = records_of(lines, quoted=names)
        head = b""
        if names:
            head = next(records, b"")
            while BEFORE_NAMES.fullmatch(head) and (more := next(records, b"")):
                head += more
        first = head.count(b"\n")  # lines before those of the piece
        body = None
        for number, body in enumerate(gathered(records, rows)):
            by = first - head.count(b"\n")
            try:
                if number >= start:
                    yield shifted(parse(with_first_name(head) + body, encoding), by)
            except MMZooError as error:
                raise MMZooError(moved(str(error), by)) from error
            first += body.count(b"\n")
        if body is None and not start:  # nothing but names, or lines that end in CR alone
            yield parse(head, encoding)


def count_lines(source: str) -> int:
    """The lines of a file: at least as many as it has records."""
    with opened(source) as file:
        return 1 + sum(block.count(b"\n") for block in iter(lambda: file.read(2**20), b""))


def is_utf8(source: str) -> bool:
    """Is the text of a file in UTF-8?"""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with opened(source) as file:
        try:
            for block in iter(lambda: file.read(2**20), b""):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def is_wide(file: io.BufferedReader, encoding: str) -> bool:
    """Is a text in an encoding in which other characters have the byte of a line feed too?"""
    if encoding:
        try:
            return '\n,"'.encode(encoding) != b'\n,"'
        except (LookupError, UnicodeError):
            return False  # whoever parses it says so
    return file.peek(4).startswith(WIDE)


def narrowed(file: io.BufferedReader, source: str, encoding: str) -> Iterator[bytes]:
    """The lines of a text that `is_wide`, in UTF-8.

    Raises:
        MMZooError: it is not in that encoding.
    """
    # What UTF-16 begins with is how UTF-32 begins too.
    encoding = encoding or ("utf-32" if file.peek(4).startswith(WIDE[:2]) else "utf-16")
    number, text = 0, io.TextIOWrapper(file, encoding, newline="")
    try:
        for line in text:
            number += 1
            yield line.removeprefix("\ufeff").encode("utf-8", "surrogatepass")
    except UnicodeError:
        said = f"The table '{source}' is not {encoding.upper()} in line {number + 1}"
        raise MMZooError(f"{said}; save it as UTF-8, or say what it is: --encoding cp1252.") from None
    finally:
        text.detach()  # the file is not this one's to close


def records_of(lines: Iterator[bytes], *, quoted: bool) -> Iterator[bytes]:
    """The lines that make a record each: several where a quoted text has line ends in it."""
    held: list[bytes] = []
    size, is_open = 0, False
    for line in lines:
        is_open = quoted and still_open(line, is_open)
        size += len(line)
        require(size <= LARGEST_PIECE, "The table has a record of over 1 GB; is a quote in it never closed?")
        if held or is_open:
            held.append(line)
            line = b"" if is_open else b"".join(held)
        if not is_open:
            yield line
            held, size = [], 0
    if held:
        yield b"".join(held)


def still_open(line: bytes, is_open: bool) -> bool:
    """Is a quoted text open at the end of a line, if it was or was not at its beginning?"""
    place = 0
    while b'"' in line[place:]:
        found = (CLOSES.match if is_open else OPENS.search)(line, place)
        if found is None:
            break
        place, is_open = found.end(), not is_open
    return is_open


def gathered(records: Iterator[bytes], rows: int) -> Iterator[bytes]:
    """About `rows` records together; the last are at least half as many, so that a share of them says something."""
    kept: list[bytes] = []
    held: list[bytes] = []
    for record in records:
        held.append(record)
        if len(held) == rows:
            if kept:
                yield b"".join(kept)
            kept, held = held, []
    if kept and len(held) >= rows / 2:
        yield b"".join(kept)
        kept = []
    if kept or held:
        yield b"".join([*kept, *held])


def with_first_name(head: bytes) -> bytes:
    """The first line with a name for the first column, where it has none: the numbers of the rows, as pandas writes."""
    return re.sub(rb'^(\xef\xbb\xbf)?(?:"")?(?=[,;\t|])', rb"\1unnamed", head)


def shifted(cells: Cells, by: int) -> Cells:
    """Cells of a piece with the numbers that their lines or rows have in the whole."""
    if not by:
        return cells
    faults: dict[int, DataError] = {}
    for values in cells.columns.values():
        for row, value in enumerate(values):
            if isinstance(value, DataError):
                fault = faults.setdefault(id(value), DataError(moved(str(value), by), value.cause))
                values[row] = fault
    return Cells(cells.name, cells.columns, [moved(place, by) for place in cells.places], cells.note)


def moved(words: str, by: int) -> str:
    """Words with other numbers of lines and rows."""
    return PLACE.sub(lambda found: f"{found[1]} {int(found[2]) + by}", words)
