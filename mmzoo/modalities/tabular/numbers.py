"""How the numbers of a column are written: "$1,000", "5 %", "0,5", "1 234,5", "(1,000)", "12 kg", "1.3M", "<5".

How a column is written is decided by the whole of it and never cell by cell: "1,234" is one number where others say
"0,5" and another where they say "1,234.5". The decision is a short text, the *format*: the decimal mark and the unit,
such as ".$" or ",%"; "duration" or "fraction" of numbers in parts; "" where every number is written plainly. A model
keeps it, so that the same cell is always the same number.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Set
from typing import Any

from mmzoo.modalities.tabular.amounts import (
    CURRENCIES,
    FRACTION,
    PARTS,
    THOUSANDS,
    apart,
    fraction_of,
    is_plain,
    money,
    number_in,
)
from mmzoo.modalities.tabular.points import Points
from mmzoo.modalities.tabular.units import quantity_of

NAMED = 4
"""Units that are named."""

EXACT = 0.25
"""The share of the numbers that must be exact where others are no more than bounds, "<5"."""

BOTTOMS = frozenset({2, 3, 4, 5, 6, 8, 10, 12, 16, 32, 64, 100})
"""Of fractions, if they are not all the same."""


class NumbersWritten:
    """How the numbers of a column are written, by its texts: counted one by one, in memory that does not grow."""

    def __init__(self) -> None:
        self.count = self.strange = self.read = self.fractions = 0
        self.points = Points()
        self.bottoms: set[int] = set()
        self.marks: Counter[str] = Counter()
        """Of numbers, what says that they are not exact; "" of those that are."""
        self.marked = self.fraction = ""
        """The first of each."""
        self.units: Counter[str] = Counter()
        self.good: Counter[tuple[str, str]] = Counter()
        """Numbers by decimal mark and unit."""
        self.examples: dict[tuple[str, str], tuple[int, str]] = {}
        """Of those that are not plain the first, and its place."""
        self.votes: dict[tuple[str | None, str, bool], list[Any]] = {}
        """By unit (None: a plain number), mark, and whether it is sure: how many say so, and what came first."""

    def add(self, text: str, times: int = 1) -> None:
        """A cell that says something, and how often it is there."""
        place, plain, found = self.count, is_plain(text), apart(text)
        self.count += times
        self.points.add(text)
        if not plain:
            self.strange += times
            self.read += times * (found is not None)
        if not plain and found is None and fraction_of(text) is not None:
            self.fractions += times
            self.fraction = self.fraction or text.strip()
            self.bottoms.add(int(PARTS.fullmatch(text.strip())["bottom"]))  # type: ignore[index]
        if found is not None:
            self.marks[found.mark] += times
            self.marked = self.marked or (text.strip() if found.mark else "")
            for mark, digits in THOUSANDS.items():
                if digits.fullmatch(found.digits):
                    self.good[mark, found.unit] += times
                    if not plain:
                        self.examples.setdefault((mark, found.unit), (place, text))
            if found.unit and not plain:
                self.units[found.unit] += times
        said = text.strip().lstrip("+-") if plain else found.digits if found is not None else ""
        if vote := vote_of(said):
            unit = None if plain else found.unit if found is not None else ""
            self.votes.setdefault((unit, *vote), [0, (plain, place)])[0] += times

    def format(self, share: float, column: str = "COLUMN") -> tuple[str, str] | None:
        """How they are written and a remark on that; None where fewer than `share` of the texts are numbers.

        Args:
            column: its name, for the remark.
        """
        if not self.strange:
            return self.points.format(column) if self.count else None
        if self._are_fractions(share):
            return FRACTION, f"'{self.fraction}' is {number_in(self.fraction, FRACTION):.10g}"
        if not self._are_exact:
            return None
        if self.read + self.count - self.strange < share * self.count:
            return None
        unit, *others = self._of_one_quantity()
        # Beside several units a number without one may be of any of them.
        read = {unit, *others} if others else {"", unit}
        mark, sure = self._decimal_mark(unit, read)
        good = sum(self.good[mark, each] for each in read)
        if good < share * self.count:
            return None
        examples = {each: self.examples[mark, each] for each in read if (mark, each) in self.examples}
        if not examples or good == self.count - self.strange:  # what is strange stays so
            return "", ""
        _, example = min(examples[each] for each in examples.keys() & {*others} or examples)
        said = f"'{example.strip()}' is {number_in(example, mark + unit):.10g}{f' {unit}' if others else ''}"
        other = "" if sure else f", where the comma is no decimal mark; else --kind {column}=number:,{unit}"
        other = other if mark == "." else other.replace("comma", "point").replace("number:,", "number:.")
        bounds = self._marked(mark + unit)
        told = [said + other, bounds] if example.strip() != self.marked else [(bounds or said) + other]
        return mark + unit, "; ".join(filter(None, told))

    def _of_one_quantity(self) -> list[str]:
        """The units of what most of the numbers measure, the commonest first; [""] where most have none.

        A unit of a few cells is another amount than theirs.
        """
        quantities: Counter[str] = Counter()
        for unit, count in self.units.items():
            quantities[quantity_of(unit)] += count
        quantity, count = quantities.most_common(1)[0] if quantities else ("", 0)
        if count <= self.count / 2:
            return [""]
        return [unit for unit, _ in self.units.most_common() if quantity_of(unit) == quantity]

    @property
    def _are_exact(self) -> bool:
        """Are enough numbers exact, or all marked alike, as "~5" and "1,000+" are? "<50" and ">50" are two classes."""
        exact, marks = self.marks[""], len(self.marks) - ("" in self.marks)
        if not exact:
            return marks == 1
        return exact >= (EXACT if marks == 1 else 0.5) * self.marks.total()

    def _are_fractions(self, share: float) -> bool:
        """Are `share` of the texts numbers, some of which are fractions as people write them?"""
        plain = self.count - self.strange
        usual = self.bottoms <= BOTTOMS or len(self.bottoms) == 1
        return bool(self.fractions) and usual and self.fractions + plain >= share * self.count

    def _marked(self, form: str) -> str:
        """What is to be said of numbers that are not exact."""
        count, number = self.marks.total() - self.marks[""], number_in(self.marked, form)
        if not count or number is None:
            return ""
        return f"{count} such as '{self.marked}', which is taken for {number:.10g}"

    def several_units(self, share: float) -> str:
        """Where `share` of the texts are numbers, but with several units, what to do; "" elsewhere."""
        units = [unit for unit, count in self.units.most_common(NAMED + 1) if count > 1]
        if len(units) < 2 or self.read + self.count - self.strange < share * self.count:
            return ""
        named = ", ".join(units[:NAMED]) + (" ..." if len(units) > NAMED else "")
        return f"numbers with several units ({named}); written in one they are a number"

    def _decimal_mark(self, unit: str, units: Set[str]) -> tuple[str, bool]:
        """The mark before the decimals, and whether anything tells it from that between thousands.

        Args:
            unit: of most numbers, and all `units` that say something of them.
        """
        votes: Counter[str] = Counter()
        open_ends: Counter[str] = Counter()
        for (whose, mark, sure), (times, _) in sorted(self.votes.items(), key=lambda pair: pair[1][1]):
            if whose in units or not whose:
                (votes if sure else open_ends)[mark] += times
        if votes:
            return votes.most_common(1)[0][0], True
        if open_ends["."] and not open_ends[","]:
            # Three decimals throughout are usual for measurements, not for money.
            return ("," if unit and (money(unit[-1]) or CURRENCIES.fullmatch(unit)) else "."), False
        return ".", not open_ends[","]


def vote_of(digits: str) -> tuple[str, bool] | None:
    """The mark before the decimals of a number and whether it is sure; None where it has no marks."""
    marks = re.findall("[.,]", digits)
    if not marks:
        return None
    last = marks[-1]
    if len(set(marks)) == 2:
        return last, True
    if len(marks) > 1:
        return ("," if last == "." else "."), True
    return last, not re.fullmatch(r"[1-9][0-9]{0,2}[.,][0-9]{3}", digits)
