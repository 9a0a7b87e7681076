"""What every reader has, and what those of cells and of files have in common."""

from __future__ import annotations

import codecs
import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import ClassVar

from mmzoo.aliases import Raw
from mmzoo.data.schema.options import Options, home_of
from mmzoo.data.table import Source
from mmzoo.data.tables.cells import Cells
from mmzoo.data.tables.packed import as_whole, ending_of, is_packed, unpacked
from mmzoo.data.tables.pieces import sliced
from mmzoo.data.tables.reading import table_of
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


FOREIGN = re.compile(
    "[À-ÿ]{4}|[À-Þ][à-ÿ]{2}|[A-Za-zÀ-ÿ][¿¡£¥¦¬¯¤¸¾¼][A-Za-zÀ-ÿ]|[³¹£¶¼¥¾±][a-zà-ÿ]|[a-z][¹¶±¿¼¾]\\b|[a-z]Ÿ"
)
"""Marks and letters of Windows-1252 together as no language of Western Europe has them."""


class Reader(ABC):
    """Opens one kind of source."""

    endings: ClassVar[tuple[str, ...]] = ()
    """Of the files that it reads, in small letters."""
    prefix: ClassVar[str] = ""
    """What a source begins with that is a name in another place and no path, such as "tfds:"."""

    has_sheets: ClassVar[bool] = False
    """Has a source several tables, of which one is read, as a workbook has?"""
    sheet: str = ""
    """Which of them; the first, if not given."""

    @abstractmethod
    def fits(self, source: Raw, label: str = "") -> bool:
        """Is this a source of its kind? Nothing is read for it but whether a file or a folder is there.

        Args:
            source: a path or a name as a text, or a table in memory.
            label: the column to be predicted; "" where it was not said.
        """

    @abstractmethod
    def open(self, source: Raw, options: Options, label: str = "") -> Source:
        """The records of a source that fits: by split, or in one `Table` as "all", of which no label is known yet.

        Raises:
            MMZooError: it cannot be read as a whole, or it takes no such options.
        """


class CellReader(Reader):
    """Reads a table of cells, which then become what most of their column are."""

    @abstractmethod
    def read(self, source: Raw, encoding: str = "") -> Cells:
        """The cells as they stand there.

        Args:
            encoding: of the text in a file; UTF-8, or what its first bytes say, if not given.
        """

    def pieces(self, source: Raw, rows: int, encoding: str = "", start: int = 0) -> Iterator[Cells]:
        """The same, about `rows` records at a time; one that reads all at once is cut afterwards.

        Args:
            start: so many pieces are passed over.
        """
        return islice(sliced(self.read(source, encoding), rows), start, None)

    ragged: ClassVar[bool] = False
    """May pieces have columns that others do not have?"""

    def alike(self, source: str) -> bool:
        """Are the pieces of a source read in little memory, and its text as that of the whole?"""
        return False

    def most_records(self, source: str) -> int | None:
        """As many records as a source has, or some more, found in little time; None where that takes reading it."""
        return None

    def open(self, source: Raw, options: Options, label: str = "") -> Source:
        return self.source_of(source, self.read(source, options.encoding), options)

    def source_of(self, source: Raw, cells: Cells, options: Options, kinds: Mapping[str, str] | None = None) -> Source:
        """What was read as one table.

        Args:
            kinds: what columns of such a source are, where nobody said so.
        """
        table = table_of(
            cells,
            options.root or home_of(source),
            kinds={**(kinds or {}), **options.kinds},
            allow_outside=options.allow_outside,
        )
        return Source(str(source) if isinstance(source, str) else "table", {"all": table}, table.kinds)


class FileReader(CellReader):
    """Reads files, which are known by how their names end."""

    def fits(self, source: Raw, label: str = "") -> bool:
        if not isinstance(source, str):
            return False
        return ending_of(source) in self.endings and not Path(source).is_dir()

    def read(self, source: Raw, encoding: str = "") -> Cells:
        source = str(source)
        with as_whole():
            data = unpacked(source) if is_packed(source) else read_bytes(Path(source), "table")[0]
        return self.parse(f"The table '{Path(source)}'", data, ending_of(source), encoding)

    def parser(self, source: str) -> Callable[[bytes, str], Cells]:
        """`parse` of this file, for `mmzoo.data.tables.pieces`."""
        return lambda data, encoding: self.parse(f"The table '{Path(source)}'", data, ending_of(source), encoding)

    @abstractmethod
    def parse(self, name: str, data: bytes, ending: str, encoding: str) -> Cells:
        """The cells of a file.

        Args:
            name: how an error calls the table.
            ending: of the file's name, in small letters.
            encoding: of the text in it, see `decoded`; "" if it was not said.

        Raises:
            MMZooError: the table as a whole cannot be read.
        """


def decoded(name: str, data: bytes, encoding: str = "") -> str:
    """The text of a file, see `text_of_file`; what is to be said of its encoding is logged."""
    text, said = text_of_file(name, data, encoding)
    if said:
        logging.getLogger("mmzoo").info("%s: %s.", name, said)
    return text


def text_of_file(name: str, data: bytes, encoding: str = "") -> tuple[str, str]:
    """The text of a file, and what is to be said of its encoding: "" where it is UTF-8, or was told.

    What is neither UTF-8 nor begins with the mark of another encoding is taken for Windows-1252, which has all of
    Latin-1, where that makes words of Western Europe.

    Raises:
        MMZooError: it is not in that encoding; names the line and how to say another.
    """
    remedy = "save it as UTF-8, or say what it is: --encoding cp1252"
    found = encoding or next((name for bom, name in BOMS if data.startswith(bom)), "utf-8")
    require(
        found not in ("utf-8", "utf-8-sig") or data[:1000].count(0) <= len(data[:1000]) / 4,
        f"{name} is full of zero bytes, as UTF-16 is; save it as UTF-8, or say what it is: --encoding utf-16-le.",
    )
    said = f"its text is {found.upper()}" if found not in (encoding, "utf-8", "utf-8-sig") else ""
    try:
        text = data.decode(found)
    except LookupError:
        raise MMZooError(f"There is no encoding called '{encoding}'; {remedy}.") from None
    except UnicodeError as error:
        if not encoding and found == "utf-8" and (western := as_western(data)):
            word = next(word for word in re.findall(r"\w+", western) if not word.isascii())
            return western, f"its text is not UTF-8 but taken for Windows-1252 ('{word[:30]}'); else --encoding NAME"
        before = data[: getattr(error, "start", 0)].decode(found, "replace")
        raise MMZooError(f"{name} is not {found.upper()} in line {before.count(chr(10)) + 1}; {remedy}.") from None
    return text.removeprefix("\ufeff"), said


def as_western(data: bytes) -> str:
    """A text in Windows-1252; "" of bytes that are none.

    They are none where some letters are UTF-8 already, so that the rest is damaged, or where the marks and letters
    stand as they do in no language of Western Europe: those of Polish or Russian encodings become "³ódŸ" and "Ïðèâåò".
    """
    mixed = data.decode("utf-8", "surrogateescape")
    whole = sum(ord(char) > 127 and not "\ud800" <= char <= "\udfff" for char in mixed)
    try:
        text = data.decode("cp1252")
    except UnicodeError:
        return ""
    words = [word for word in re.findall(r"[^\s,;|]+", text) if not word.isascii()]
    strange = sum(bool(FOREIGN.search(word)) for word in words)
    letters = any(char.isalpha() for word in words for char in word if ord(char) > 127)
    return text if not whole and letters and strange <= len(words) / 50 else ""
