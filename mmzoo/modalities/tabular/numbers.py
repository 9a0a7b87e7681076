"""Numbers as people write them: "$1,000", "5 %", "0,5", "1 234,5", "(1,000)", "12 kg".

How a column is written is decided by the whole of it and never cell by cell: "1,234" is one number where others say
"0,5" and another where they say "1,234.5". The decision is a short text, the *format*: the decimal mark and the unit,
such as ".$" or ",%"; "" where every number is written plainly. A model keeps it, so that the same cell is always the
same number.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import Any, NamedTuple

from mmzoo.aliases import Raw

LONGEST = 60
"""Characters of a number that is not written plainly."""

PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""A number as programs write it."""

_UNIT = r"[%‰°'\"]|[^\W\d_]{1,3}\$|[^\W\d_°]{1,12}(?:/[^\W\d_]{1,6})?[²³]?|°[A-Za-z]|[µμ][A-Za-z]{1,3}"
_BLANK = "\u0020\u00a0\u2009\u202f"
_DIGITS = rf"[0-9](?:[0-9.,'\u2019{_BLANK}]*[0-9])?[.,]?|[.,][0-9]+"
_MONEY = r"[^\w\s.,+\-()%‰°'\"*#@&|/\\]"  # a sign that stands alone; `money` sees whether it is one of a currency
WRITTEN = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[+\-\u2212])?\s?(?P<before>[A-Z]{{0,3}}{_MONEY}|[A-Z]{{3}}(?=\s))?\s?"
    rf"(?P<inner>[+\-\u2212])?(?P<digits>{_DIGITS})(?P<power>[eE][+-]?[0-9]{{1,3}})?"
    rf"(?:[{_BLANK}]{{0,2}}(?P<after>{_MONEY}|{_UNIT}))?\s*(?P<close>\))?"
)

THOUSANDS = {
    mark: re.compile(
        rf"[0-9]{{1,3}}(?:(?P<by>[{'.' if mark == ',' else ','}'\u2019{_BLANK}])[0-9]{{3}}(?:(?P=by)[0-9]{{3}})*)?"
        rf"(?:{re.escape(mark)}[0-9]*)?|[0-9]*{re.escape(mark)}?[0-9]+|[0-9]+{re.escape(mark)}" + lakhs
    )
    for mark, lakhs in ((".", r"|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]*)?"), (",", ""))
}
"""The digits of a number by its decimal mark, whole thousands separated or not."""


def is_plain(text: str) -> bool:
    """Is a text a number as programs write it, and nothing else?"""
    return len(text) <= 1000 and bool(PLAIN.fullmatch(text.strip()))


GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")
SMALL = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,2})")
NAMED = 4
"""Units that are named."""

ENOUGH = 20
"""Different numbers with three decimals from which it is no chance that none ends in 0, if zeros are dropped."""

CURRENCIES = re.compile("USD|EUR|GBP|CHF|INR|BRL|CAD|AUD|SEK|NOK|DKK|PLN|CZK|RUB|TRY|ZAR|MXN|kr|zł|Kč")


class Written(NamedTuple):
    """A number that was taken apart: its sign, its digits with their marks, its power of ten and its unit."""

    negative: bool
    digits: str
    power: str
    unit: str


def apart(text: str) -> Written | None:
    """The parts of a number; None where a text is none."""
    text = text.strip()
    found = WRITTEN.fullmatch(text) if len(text) <= LONGEST else None
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    signs = [found[part] for part in ("sign", "inner") if found[part]]
    units = [found[part] for part in ("before", "after") if found[part]]
    before = found["before"] or ""
    if len(signs) > 1 or len(units) > 1 or (found["open"] and signs):
        return None
    if (before and not before.isalpha() and not money(before[-1])) or not is_unit(found["after"] or ""):
        return None
    negative = bool(found["open"]) or any(sign != "+" for sign in signs)
    return Written(negative, found["digits"], found["power"] or "", units[0] if units else "")


def money(sign: str) -> bool:
    """Is it the sign of a currency?"""
    return unicodedata.category(sign) == "Sc"


def is_unit(text: str) -> bool:
    """Is what stands behind a number letters, or a sign that can be a unit?"""
    return not text or any(char.isalpha() or char in "%‰°'\"" or money(char) for char in text)


def number_in(text: str, form: str) -> float | None:
    """The number that a text of a column of this format is; None where it is none, or has another unit."""
    if (found := apart(text)) is None or found.unit not in ("", form[1:]):
        return None
    mark = form[:1] or "."
    if not THOUSANDS[mark].fullmatch(found.digits):
        return None
    digits = re.sub(rf"[^0-9{re.escape(mark)}]", "", found.digits).replace(mark, ".")
    return (-1 if found.negative else 1) * float(digits + found.power)


class Points:
    """Do the points of plain numbers stand between thousands? Counted one by one, in memory that does not grow.

    They do where all have three digits behind them and other numbers, all below 1000, have none: "3.432" beside "958".
    Decimals that are rounded to three digits are all written with them, or else without the zeros at their end.
    """

    def __init__(self) -> None:
        self.refused = self.zeros = False
        self.grouped = self.small = 0
        self.first = ""

    def add(self, value: Raw) -> None:
        """A cell that is a number."""
        if self.refused:
            return
        text = value.strip() if isinstance(value, str) else ""
        if GROUPED.fullmatch(text):
            self.first = self.first or text
            self.grouped += 1
            self.zeros |= text.endswith("0")
        elif SMALL.fullmatch(text):
            self.small += 1
        else:
            self.refused = True

    def format(self, column: str) -> tuple[str, str]:
        """As `NumbersWritten.format`; what could be either is taken for decimals, and that is said."""
        if self.refused or self.grouped < 2:
            return "", ""
        if self.small > 1 and (self.zeros or self.grouped >= ENOUGH):
            said = f"'{self.first}' is {number_in(self.first, ','):.10g}"
            return ",", f"{said}, where the point is no decimal mark; else --kind {column}=number:."
        return "", f"'{self.first}' is {float(self.first):.10g}; else --kind {column}=number:,"


class NumbersWritten:
    """How the numbers of a column are written, by its texts: counted one by one, in memory that does not grow."""

    def __init__(self) -> None:
        self.count = self.strange = self.read = 0
        self.points = Points()
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
        if found is not None:
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
            return self.points.format(column)
        if self.read + self.count - self.strange < share * self.count:
            return None
        unit, count = self.units.most_common(1)[0] if self.units else ("", 0)
        unit = unit if count > self.count / 2 else ""  # a unit of a few cells is another amount than theirs
        mark, sure = self._decimal_mark(unit)
        good = sum(self.good[mark, each] for each in {"", unit})
        if good < share * self.count:
            return None
        examples = [self.examples[mark, each] for each in {"", unit} if (mark, each) in self.examples]
        if not examples or good == self.count - self.strange:  # what is strange stays so
            return "", ""
        _, example = min(examples)
        said = f"'{example.strip()}' is {number_in(example, mark + unit):.10g}"
        other = "" if sure else f", where the comma is no decimal mark; else --kind {column}=number:,{unit}"
        other = other if mark == "." else other.replace("comma", "point").replace("number:,", "number:.")
        return mark + unit, said + other

    def several_units(self, share: float) -> str:
        """Where `share` of the texts are numbers, but with several units, what to do; "" elsewhere."""
        units = [unit for unit, count in self.units.most_common(NAMED + 1) if count > 1]
        if len(units) < 2 or self.read + self.count - self.strange < share * self.count:
            return ""
        named = ", ".join(units[:NAMED]) + (" ..." if len(units) > NAMED else "")
        return f"numbers with several units ({named}); written in one they are a number"

    def _decimal_mark(self, unit: str) -> tuple[str, bool]:
        """The mark before the decimals, and whether anything tells it from that between thousands."""
        votes: Counter[str] = Counter()
        open_ends: Counter[str] = Counter()
        for (whose, mark, sure), (times, _) in sorted(self.votes.items(), key=lambda pair: pair[1][1]):
            if whose in (None, "", unit):
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
