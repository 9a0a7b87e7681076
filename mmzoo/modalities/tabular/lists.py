"""Several categories in one cell: "Drama, Crime".

What is between them is found by the column as a whole and is its *format*, one character.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mmzoo.aliases import Raw

DELIMITERS = ("|", ";", ",")
LONGEST = 40  # characters of one of several categories
SEVERAL = 0.05  # the share of the cells that have several
AGAIN = 5  # times that a category is there, on average
MOST = 500  # different ones


def parts_of(value: Raw, delimiter: str) -> list[str]:
    """The categories of a cell, each once, in the order of the cell."""
    if isinstance(value, str):
        pieces = value.split(delimiter) if delimiter else [value]
    else:
        pieces = [str(part) for part in value if part is not None] if isinstance(value, (list, tuple, set)) else []
    return list(dict.fromkeys(text for piece in pieces if (text := piece.strip())))


class Several:
    """Do cells hold several of a few categories? Counted one by one, in memory that does not grow."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.together: set[tuple[str, ...]] = set()
        self.refused = False

    def add(self, parts: Sequence[str], times: int = 1) -> None:
        """The parts of a cell, and how often it is there."""
        for part in parts:
            self.counts[part] += times
        if len(self.together) <= MOST:  # then there are more of them than of the parts
            self.together.add(tuple(sorted(parts)))
        if len(self.counts) > MOST or any(len(part) > LONGEST for part in parts):
            self.refused = True
            self.counts.clear()
            self.together.clear()

    @property
    def found(self) -> bool:
        """Do they, as far as they were counted?"""
        enough = self.counts.total() >= AGAIN * len(self.counts) and len(self.counts) < len(self.together)
        return bool(self.counts) and enough


class ListsWritten:
    """What is between the categories of a column's cells, by its texts: counted one by one.

    The parts must be few and come again and again, also where whole cells do not: names of a place and its country, and
    sentences, have commas too.
    """

    def __init__(self) -> None:
        self.count = 0
        self.having = dict.fromkeys(DELIMITERS, 0)
        self.several = {delimiter: Several() for delimiter in DELIMITERS}

    def add(self, text: str, times: int = 1) -> None:
        """A cell, and how often it is there."""
        self.count += times
        for delimiter, several in self.several.items():
            self.having[delimiter] += times * (delimiter in text)
            if not several.refused:
                several.add(parts_of(text, delimiter), times)

    @property
    def format(self) -> str:
        """What is between them; "" where the cells are no lists."""
        least = max(SEVERAL * self.count, 2)
        return next((each for each in DELIMITERS if self.having[each] >= least and self.several[each].found), "")

    @property
    def usual(self) -> str:
        """What most cells have, be they lists or not; "" where there are none."""
        return max(DELIMITERS, key=lambda each: self.having[each]) if self.count else ""
