"""What a column of a table is, decided by most of its cells.

The cells are gone through twice and never held, so that a table of any length is looked at in little memory.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from mmzoo.aliases import Raw
from mmzoo.data.schema.identifiers import Different, Naming, hardly_there, named_identifier
from mmzoo.data.schema.kinds import MOST, OTHER, files, inputs, is_code, look
from mmzoo.data.schema.nested import Nested
from mmzoo.errors import DataError
from mmzoo.modalities.tabular.cells import NO_AMOUNT, text_of
from mmzoo.modalities.tabular.clock import ClockWritten
from mmzoo.modalities.tabular.dates import DatesWritten
from mmzoo.modalities.tabular.lists import ListsWritten, Several, parts_of
from mmzoo.modalities.tabular.numbers import NumbersWritten

MOST_CATEGORIES = 50  # different values of a column that are taken for categories, not for text
LONGEST_CATEGORY = 40  # characters
HANDFUL, LONG_NAME = 12, 200  # different values, each there twenty times, that are categories also up to this length
DOZENS = 20
COMMON = 0.5  # the share that makes it paths: a cell that is nothing but a path is hardly ever anything else
AGAIN = 4  # times that a name comes on average, from which names are categories however many there are
NAME_WORDS = 3  # words of a name, on average, at most
FEW = 5  # values from which eight digits can be seen to be dates, and identifiers to come again


class Guess(NamedTuple):
    """What a column is taken for.

    Args:
        kind: one of `column_kinds()`, or `OTHER`.
        note: a remark on that; "" where there is none.
        form: how its cells are written where they do not say it one by one, see `form_of`.
    """

    kind: str
    note: str = ""
    form: str = ""


def guess(values: Iterable[object], column: str = "COLUMN") -> Guess:
    """What a column is, from its cells; those that are missing or cannot be used do not count.

    Args:
        values: the same each time that they are gone through.
        column: its name: "id" says something, and the note tells how it is overruled.
    """
    looks = Looks(column)
    looks.add(values)
    if (found := looks.guess) is not None:
        return found
    written = Written(looks)
    written.add(values)
    return written.guess(column)


class Looks:
    """What the cells of a column look like: counted one by one, in memory that does not grow.

    Args:
        column: its name, for what is told of it.
    """

    def __init__(self, column: str = "COLUMN") -> None:
        self.column, self.nested = column, Nested()
        self.records = self.lists = 0
        self.looks: Counter[str] = Counter()
        self.types: set[str] = set()
        self.several = Several()

    def add(self, values: Iterable[object]) -> None:
        """Some more cells, and what stands in the place of one."""
        texts: Counter[str] = Counter()
        for value in values:
            self.records += 1
            if isinstance(value, str):
                texts[value] += 1
            elif is_usable(value):
                found = look(value)
                self.looks[found] += 1
                if found == OTHER:
                    self.types.add(type(value).__name__)
                    self.nested.add(value)
                    if isinstance(value, (list, tuple)):
                        self.lists += 1
                        if not self.several.refused:
                            self.several.add(parts_of(value, ""))
        for text, times in texts.items():
            self.looks[look(text)] += times

    @property
    def count(self) -> int:
        """The cells that say something."""
        return self.looks.total()

    @property
    def are_paths(self) -> bool:
        """Do most cells look like paths, to whatever?"""
        return self.looks["path"] + sum(self.looks[kind] for kind in files()) > COMMON * self.count

    @property
    def guess(self) -> Guess | None:
        """What the column is, where that can be seen already; else see `Written`."""
        if not self.count:
            return Guess("ignore", "it is empty")
        media = [kind for kind, made in inputs().items() if not made.is_text]
        kind, most = max(((kind, self.looks[kind]) for kind in media), key=lambda pair: pair[1])
        if most > COMMON * self.count:
            return Guess(kind)
        if self.looks[OTHER] > COMMON * self.count:
            if self.lists >= MOST * self.count and self.several.found:
                return Guess("multi_category")
            said = f"values that no input reads ({', '.join(sorted(self.types))})"
            return Guess(OTHER, "; ".join(filter(None, [said, self.nested.remedy(shlex.quote(self.column))])))
        return None


class Written:
    """What a column of numbers and texts is: counted cell by cell; little is kept of them (`Naming`)."""

    def __init__(self, looks: Looks) -> None:
        self.looks = looks
        self.codes = self.texts = self.short = self.words = self.longest = 0
        self.are_numbers = looks.looks["number"] == looks.count
        self.first: str | None = None
        self.alike = True
        self.naming = Naming(looks.looks["number"] > looks.count / 2)
        self.different = Different() if looks.looks[OTHER] else self.naming.different
        """Of the texts alone; `naming` counts all cells."""
        self.forms = Forms()

    def add(self, values: Iterable[object]) -> None:
        """Some more cells, all of which `looks` has seen."""
        texts: Counter[str] = Counter()
        for value in filter(is_usable, values):
            text = text_of(value)
            if self.are_numbers:
                self.forms.numbers.points.add(value)
            if self.first is None:
                self.first = text
                self.alike = not isinstance(value, (list, tuple, dict))
            if self.looks.looks[OTHER] and look(value) == OTHER:
                self.naming.add(text)
                self.alike &= text == self.first
            else:
                texts[text] += 1
        for text, times in texts.items():
            self.alike &= text == self.first
            self.naming.add(text, times)
            if self.different is not self.naming.different:
                self.different.add(text)
            self.texts += times
            self.codes += times * is_code(text)
            self.short += times * (len(text) <= LONGEST_CATEGORY)
            self.words += times * len(text.split())
            self.longest = max(self.longest, len(text))
            if not self.are_numbers:
                self.forms.add(text, times)
            elif self.forms.dates.are_compact:
                self.forms.dates.add(text, times)

    def guess(self, column: str) -> Guess:
        """What it is.

        Args:
            column: its name.
        """
        quoted, count = shlex.quote(column), self.looks.count
        found = self._of_cells(quoted)
        constant = count > 1 and count == self.looks.records and self.alike  # some missing: that says something
        useless = (
            hardly_there(count, self.looks.records)
            or ("the same in every record" if constant else "")
            or ("" if found.kind == "date" or (found.kind == "number" and found.form) else self.naming.why(column))
        )
        if useless and not self.looks.are_paths:
            return Guess("ignore", f"{useless}; --kind {quoted}={found.kind} makes it an input", found.form)
        return found

    def _of_cells(self, column: str) -> Guess:
        count, different = self.looks.count, len(self.different)
        comes_again = different <= max(count / 2, 2)
        if dates := self._dates(column):
            return dates
        if not self.are_numbers and (clock := self.forms.clock.format(MOST, column)):
            kind, form, said = clock
            return Guess(kind, said, form)
        numbers = self.forms.numbers
        written = numbers.points.format(column) if self.are_numbers else numbers.format(MOST, column)
        if written and self.codes <= (1 - MOST) * count:
            if comes_again and different < count / 2 and named_identifier(column) and count >= FEW:
                return Guess(
                    "category", f"identifiers that come again; --group {column} keeps those of one in one split"
                )
            form, said = written
            return Guess("number", f"zeros at the beginning of {self.codes} are dropped" if self.codes else said, form)
        if delimiter := self.forms.lists.format:
            return Guess("multi_category", f"several in one cell, with '{delimiter}' between them", delimiter)
        # Few values that come again and again are categories, and names that do; sentences, and what is different
        # everywhere, are text.
        few = different <= MOST_CATEGORIES and comes_again
        names = different <= count / AGAIN and self.words <= NAME_WORDS * self.texts
        short = self.short >= MOST * self.texts
        handful = different <= min(HANDFUL, count / DOZENS) and self.longest <= LONG_NAME
        return Guess("category" if handful or ((few or names) and short) else "text", self._remark())

    def _dates(self, column: str) -> Guess | None:
        """A column of dates, or None where it is none."""
        dates = self.forms.dates
        if self.are_numbers:
            return Guess("date", "", "YMD") if self.texts >= FEW and dates.are_compact else None
        found = dates.format(MOST, column)
        return Guess("date", found[1], found[0]) if found else None

    def _remark(self) -> str:
        """What is worth saying of a column that is taken for texts or categories."""
        numbers = self.looks.looks["number"]
        if self.looks.are_paths:
            return "its cells look like paths of files, but are taken as they stand, since no one decoder reads them"
        if self.codes > (1 - MOST) * self.texts and numbers >= MOST * self.texts:
            return "numbers that begin with zeros are codes, not amounts"
        if several := self.forms.numbers.several_units(MOST):
            return several
        if numbers > COMMON * self.texts:
            return f"{numbers} of {self.texts} cells are numbers"
        return ""


class Forms:
    """How the cells of a column are written: counted one by one, in memory that does not grow."""

    def __init__(self) -> None:
        self.numbers, self.dates, self.clock = NumbersWritten(), DatesWritten(), ClockWritten()
        self.lists = ListsWritten()

    def add(self, text: str, times: int = 1) -> None:
        """A cell that says something, and how often it is there."""
        self.lists.add(text, times)
        if text.strip().casefold() not in NO_AMOUNT:
            self.numbers.add(text, times)
            self.dates.add(text, times)
            self.clock.add(text, times)

    def add_all(self, values: Iterable[object]) -> None:
        """The texts among some cells."""
        for text, times in Counter(value for value in values if isinstance(value, str)).items():
            self.add(text, times)

    def of(self, kind: str) -> str:
        """How those of a kind are written: the decimal mark and the unit of numbers, the order of dates, what is
        between several categories; "" where the cells say it one by one.
        """
        clock = self.clock.format(COMMON)
        if clock and kind == clock[0]:
            return clock[1]
        if kind == "number":
            return (self.numbers.format(COMMON) or ("",))[0]
        if kind == "date":
            return (self.dates.format(COMMON) or ("YMD" if self.dates.are_compact else "",))[0]
        if kind == "multi_category":
            return self.lists.format or self.lists.usual
        return ""


def form_of(kind: str, values: Iterable[object]) -> str:
    """How the cells of a column of a kind are written, see `Forms.of`."""
    forms = Forms()
    forms.add_all(values)
    return forms.of(kind)


def is_usable(value: Raw) -> bool:
    """Does a cell say something?"""
    return value is not None and not isinstance(value, DataError)
