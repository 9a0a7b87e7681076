"""Where a stream of records comes from, and how far it was taken: a cursor, from which the rest comes again.

A source gives `Arrived` for each record, in an order that does not depend on when it is asked, and None whenever it
has waited for a while and nothing came, so that whoever reads it may stop.
"""

from __future__ import annotations

import csv
import logging
import os
import select
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from mmzoo.aliases import Raw
from mmzoo.data.streams import lines
from mmzoo.errors import DataError, MMZooError, require
from mmzoo.files import open_plain
from mmzoo.messages.words import one_line

Cursor = dict[str, Any]
"""Plain data of a source's own, which it checks when it is given back."""
ENDINGS = (".jsonl", ".csv")
CHUNK = 2**16
POLL = 0.2
"""Seconds between two looks at what has nothing new."""


class Arrived(NamedTuple):
    """A record of a stream.

    place: where it stands: "line 7".
    row: its cells, or what is wrong with it.
    cursor: from which what comes behind it comes again; plain data.
    """

    place: str
    row: dict[str, Raw] | DataError
    cursor: Cursor


@runtime_checkable
class Source(Protocol):
    """Records that come one after another.

    from_first: does whoever gives them have to give all of them again, where they are gone on with?
    """

    from_first: bool

    def records(self, cursor: Cursor) -> Iterator[Arrived | None]:
        """What comes behind a cursor; behind `{}` everything."""
        ...


class Given:
    """Records of Python, which come again from the first whenever they are asked for: a list, or a function of none.

    Args:
        records: mappings of what JSON can hold.
    """

    from_first = True

    def __init__(self, records: Iterable[Raw] | Callable[[], Iterable[Raw]]) -> None:
        self.given = records

    def records(self, cursor: Cursor) -> Iterator[Arrived | None]:
        for number, row in enumerate(self.given() if callable(self.given) else self.given):
            if number >= cursor.get("record", 0):
                fault = DataError(f"A record is a mapping, not {type(row).__name__}.", "bad_record")
                yield Arrived(f"row {number}", dict(row) if isinstance(row, Mapping) else fault, {"record": number + 1})


class StandardInput:
    """JSON lines that a program is given; to go on, it is given the same ones again, and passes over those it took.

    A last line that breaks off, as that of a producer that was killed, is named and not taken.

    Args:
        file: the descriptor.
    """

    from_first = True

    def __init__(self, file: int = 0) -> None:
        self.file = file

    def records(self, cursor: Cursor) -> Iterator[Arrived | None]:
        for line in lines_as_they_come(self._read):
            if line is None:
                yield None
            elif line.number > cursor.get("line", 0) and (row := row_of_line("The stream", line)) is not None:
                if not line.whole and isinstance(row, DataError):
                    said = "ended in the middle of line %d, which is not taken; give it again, whole, to go on."
                    logging.getLogger("mmzoo").warning(f"The stream {said}", line.number)
                    return
                yield Arrived(f"line {line.number}", row, {"line": line.number})

    def _read(self) -> bytes | None:
        if os.name == "posix" and not select.select([self.file], [], [], POLL)[0]:
            return None
        return os.read(self.file, CHUNK)


class Folder:
    """The files of a folder (.jsonl, .csv), one after the other in the order of their names; or one file.

    The last one may grow, line by line, until one whose name comes behind it is there. A file that comes later and
    whose name comes before is passed over, and named. What stands in the last line of all, while no line feed ends
    it, is not taken yet.

    Args:
        wait: the stream is at its end when nothing has come for so many seconds.

    Raises:
        MMZooError: there is no such folder or file.
    """

    from_first = False

    def __init__(self, path: str | Path, wait: float = 0.0) -> None:
        self.path, self.wait = Path(path), wait
        self.single = not self.path.is_dir()
        self.home = self.path.parent if self.single else self.path
        """Which the paths in its records are relative to."""
        there = not self.single or (self.path.is_file() and self.path.suffix.lower() in ENDINGS)
        require(
            there, f"There is no folder '{path}', and no file of that name with JSON lines or a CSV; make it first."
        )
        self.passed, self.unfinished = {*self._names()}, ""

    def _names(self) -> list[str]:
        """The files that are there, in their order."""
        if self.single:
            return [self.path.name]
        try:
            found = [path.name for path in self.path.iterdir() if path.suffix.lower() in ENDINGS]
        except OSError as error:
            raise MMZooError(f"The folder '{self.path}' cannot be read ({error.strerror}); mend that.") from error
        return sorted(name for name in found if not name.startswith("."))

    def records(self, cursor: Cursor) -> Iterator[Arrived | None]:
        place = dict(cursor)
        name, numbers = place.get("file", ""), [place.get(key, 0) for key in ("offset", "line")]
        own = isinstance(name, str) and name == Path(name).name and all(type(n) is int and n >= 0 for n in numbers)
        require(own, f"The cursor {one_line(cursor)[:100]} is of no folder; train into a new one.")
        last = time.monotonic()
        while True:
            later = [name for name in self._names() if name > place.get("file", "")]
            if "file" not in place and later:
                place = {"file": later.pop(0), "offset": 0, "line": 0}
            self._tell_passed(place.get("file", ""))
            self.unfinished = ""
            if "file" in place:
                for arrived in self._rest(place, closed=bool(later)):
                    place, last = arrived.cursor, time.monotonic()
                    yield arrived
            if later:
                place = {"file": later[0], "offset": 0, "line": 0}
            elif time.monotonic() - last >= self.wait:
                if self.unfinished:
                    logging.getLogger("mmzoo").warning(f"{self.unfinished} has no end yet, and is not taken before it.")
                return
            else:
                yield None
                time.sleep(min(POLL, self.wait))

    def _tell_passed(self, current: str) -> None:
        names = {*self._names()}
        for name in sorted(names - self.passed):
            if name < current:
                said = "came after '%s' was begun and is passed over; give files names in the order in which they come."
                logging.getLogger("mmzoo").warning(f"'{one_line(name)}' {said}", current)
        self.passed = names

    def _rest(self, place: Cursor, *, closed: bool) -> Iterator[Arrived]:
        """What stands behind a place in its file; the last line without a line feed too, where the file is `closed`."""
        path = self.path if self.single else self.home / place["file"]
        what = f"The file '{one_line(path.name)}'"
        try:
            handle, size = open_plain(path, links=self.single)
        except FileNotFoundError:
            require(closed, f"{what} is gone, of which a part was taken; put it back, or a later one beside it.")
            return
        except OSError as error:
            raise MMZooError(f"{what} cannot be read ({error.strerror}); mend that, or move it away.") from error
        with os.fdopen(handle, "rb") as file:
            said = f"{what} is shorter than what was taken of it; a file may only grow. Put it back as it was."
            require(size >= place["offset"], said)
            names = Header(file.readline(lines.LONGEST)) if path.suffix.lower() == ".csv" else None
            if names is not None and not place["offset"]:
                if not names.whole:
                    return
                place = {**place, "offset": file.tell(), "line": 1}
            file.seek(place["offset"])
            for line in lines_as_they_come(lambda: file.read(CHUNK), place["line"], place["offset"]):
                if line is None or not (line.whole or closed):
                    self.unfinished = f"{what}: its last line" if line else ""
                    return
                row = row_of_line(what, line, names)
                if row is not None:
                    cursor = {"file": place["file"], "offset": line.end, "line": line.number}
                    yield Arrived(f"{place['file']} line {line.number}", row, cursor)


class Line(NamedTuple):
    """A line: what it says, None where that is too long; its number, where it ends, and whether a line feed did it."""

    text: bytes | None
    number: int
    end: int
    whole: bool


def lines_as_they_come(read: Callable[[], bytes | None], number: int = 0, end: int = 0) -> Iterator[Line | None]:
    """The lines of what `read` gives some bytes of at a time: None where it has none yet, b"" at the end.

    Args:
        number, end: of the last line before.
    """
    held, size = b"", 0
    while (data := read()) != b"":
        if data is None:
            yield None
            continue
        *whole, rest = data.split(b"\n")
        for part in whole:
            number, end = number + 1, end + size + len(part) + 1
            text = held + part
            yield Line(text if size + len(part) <= lines.LONGEST else None, number, end, True)
            held, size = b"", 0
        held, size = (held + rest)[: lines.LONGEST + 1], size + len(rest)
    if size:
        yield Line(held if size <= lines.LONGEST else None, number + 1, end + size, False)


class Header:
    """The first line of a CSV: the names of its columns, and what stands between them."""

    def __init__(self, line: bytes) -> None:
        self.whole = line.endswith(b"\n")
        text = line.decode("utf-8-sig", "replace").rstrip("\r\n")
        self.separator = max(",;\t|", key=text.count)
        self.names = [name.strip() for name in next(csv.reader([text], delimiter=self.separator), [])]

    def row(self, text: str, what: str, number: int) -> dict[str, Raw] | DataError:
        """The cells of a line; a quoted text ends in the line in which it begins."""
        try:
            (cells,) = csv.reader([text], delimiter=self.separator, strict=True)
        except (csv.Error, ValueError) as error:
            return DataError(f"{what} cannot be understood in line {number} ({one_line(error)}); mend it.", "bad_line")
        if len(cells) != len(self.names):
            said = f"{what} has {len(cells)} fields in line {number}, not {len(self.names)} as in the first; mend it."
            return DataError(said, "ragged_line")
        return dict(zip(self.names, cells, strict=True))


def row_of_line(what: str, line: Line, names: Header | None = None) -> dict[str, Raw] | DataError | None:
    """The cells of a line, or what is wrong with it; None of an empty one."""
    if line.text is None:
        return lines.too_long(what, line.number)
    if not line.text.strip():
        return None
    if names is None:
        return lines.parsed(what, line.number, line.text)
    try:
        return names.row(line.text.decode("utf-8").rstrip("\r"), what, line.number)
    except UnicodeDecodeError:
        return DataError(f"{what} is not UTF-8 in line {line.number}; write it so.", "bad_line")
