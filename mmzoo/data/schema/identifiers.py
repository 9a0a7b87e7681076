"""Columns that name records, count them, or say the same of all: they are no inputs.

A model that reads them learns the training records by heart. Nothing is left out that could be a measurement: a column
of numbers with decimals never is.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Sequence

import numpy as np

from mmzoo.modalities.tabular.cells import number_of

LEAST = 20
"""Values from which something can be said: three whole numbers in order are no counter yet."""

DIFFERENT = 0.98
"""The share of different values from which they name the records; a record that stands twice is no reason."""

SELDOM = 0.01
"""The share of the records up to which a column that says something in no others is not worth an input."""

NAMED = 0.5
"""The same of a column whose name says so: of a patient or a bird there may be two records."""

SHAPES = 3
"""Of codes, at most."""

TOGETHER = 2**14
"""Texts of which it is seen together which ones are new."""

NAMES = re.compile("ids?|uuid|guid|identifier|index|idx|rowid|zip|zipcode|postal|postcode|plz")
"""Words of a column's name that say that it holds identifiers."""

WEAK = re.compile("no|nr|code|key|ref|reference|serial")
"""What else such a name ends with, and other columns' names too."""

TIMES = re.compile(
    "(year|yr|month|week|day|date|time|hour|minute|second|period|quarter|decade|step|epoch|age|trial|wave)s?|t"
)
"""Words that say that whole numbers in order are a time."""

PLACES = re.compile("zip|post|plz", re.IGNORECASE)
"""Codes of places, which say something though few are the same."""

UUID = re.compile(r"\{?[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\}?|[0-9a-fA-F]{16,128}")
CODE = re.compile(r"(?=.*[0-9])[A-Za-z0-9]+(?:[-_/#.][A-Za-z0-9]+)*")
CAPITALS = re.compile("[A-Z0-9]{2,12}")
UNNAMED = re.compile(r"unnamed: ?\d+(_level_\d+)?|level_\d+|index|rownames|row\.names|", re.IGNORECASE)


def words_of(column: str) -> list[str]:
    """The words of a column's name: "passengerId" has "passenger" and "id"."""
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", column)
    return re.findall(r"[^\W\d_]+", parts.lower())


def named_identifier(column: str) -> bool:
    """Does the name of a column say that it holds identifiers?"""
    words = words_of(column)
    if not words or is_time(words):
        return False
    return any(NAMES.fullmatch(word) for word in words) or bool(WEAK.fullmatch(words[-1]))


def is_time(words: Sequence[str]) -> bool:
    """Do the words of a column's name say that it is a time?"""
    return any(TIMES.fullmatch(word) for word in words)


class Naming:
    """Do the cells of a column name its records? Counted one by one; eight bytes are kept of each that differs.

    Args:
        are_numbers: are most of them numbers?
    """

    def __init__(self, are_numbers: bool) -> None:
        self.are_numbers = are_numbers
        self.count = self.whole = self.uuids = self.codes = self.single = 0
        self.least, self.most = math.inf, -math.inf
        self.points = False
        self.different = Different()
        self.capitals: Counter[int] = Counter()
        self.shapes: set[str] = set()

    def add(self, text: str, times: int = 1) -> None:
        """A cell that says something, and how often it is there."""
        self.count += times
        self.different.add(text)
        self.points |= "." in text
        self.uuids += times * bool(UUID.fullmatch(text))
        if self.are_numbers:
            number = number_of(text)
            if number is not None and abs(number) < 1e15 and number == int(number):
                self.whole += times
                self.least, self.most = min(self.least, int(number)), max(self.most, int(number))
            return
        self.codes += times * bool(CODE.fullmatch(text))
        self.single += times * (len(text) <= 60 and " " not in text)
        if CAPITALS.fullmatch(text):
            self.capitals[len(text)] += times
        if len(self.shapes) <= SHAPES:
            self.shapes.add(shape(text))

    def why(self, column: str) -> str:
        """Why they are no input; "" where they may be one."""
        different = len(self.different)
        least = NAMED if named_identifier(column) and not PLACES.search(column) else DIFFERENT
        if self.count < LEAST or different < least * self.count:
            return ""
        alike = "no two the same" if different == self.count else f"{different} different ones of {self.count}"
        if self.whole == self.count and not self.points:
            return self._of_numbers(column, alike)
        share = DIFFERENT * self.count
        if self.uuids >= share:
            return f"identifiers, {alike}"
        if self.are_numbers or is_time(words_of(column)):
            return ""
        codes = self.codes >= share and len(self.shapes) <= SHAPES
        single = self.single >= 0.95 * self.count and named_identifier(column)
        if codes or max(self.capitals.values(), default=0) >= share or single:
            return f"codes, {alike}"
        return ""

    def _of_numbers(self, column: str, alike: str) -> str:
        """Why whole numbers of which few are the same are no input; "" where they may be one."""
        if UNNAMED.fullmatch(column.strip()):
            return "the numbers of the rows"
        if named_identifier(column):
            return f"identifiers, {alike}"
        in_order = self.least in (0, 1) and self.most - self.least + 1 == self.count
        return "it numbers the records" if in_order and not is_time(words_of(column)) else ""


class Different:
    """How many different texts there are; eight bytes are kept of each."""

    def __init__(self) -> None:
        self.known = np.zeros(0, np.int64)
        self.new = array("q")

    def add(self, text: str) -> None:
        """One of them."""
        self.new.append(hash(text))
        if len(self.new) >= max(TOGETHER, len(self.known) / 4):
            self._gather()

    def _gather(self) -> None:
        self.known = np.unique(np.concatenate([self.known, np.frombuffer(self.new, np.int64)]))
        self.new = array("q")

    def __len__(self) -> int:
        if self.new:
            self._gather()
        return len(self.known)


def shape(text: str) -> str:
    """A code with 9 for its digits and A for its letters: "CA-2016-152156" and "US-17-9" are both "A-9-9"."""
    return re.sub("[A-Za-z]+", "A", re.sub("[0-9]+", "9", text))


def hardly_there(count: int, records: int) -> str:
    """Why a column is no input that says something in `count` of the records; "" where these are enough."""
    if records < LEAST or count > max(min(SELDOM * records, LEAST), 2):
        return ""
    return f"it says something in {count} of {records} records"
