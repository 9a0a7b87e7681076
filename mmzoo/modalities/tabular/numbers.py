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
from collections.abc import Iterable, Sequence
from typing import NamedTuple

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
        rf"(?:{re.escape(mark)}[0-9]*)?|[0-9]{{1,2}}(?:,[0-9]{{2}})+,[0-9]{{3}}(?:\.[0-9]*)?"
        rf"|[0-9]*{re.escape(mark)}?[0-9]+|[0-9]+{re.escape(mark)}"
    )
    for mark in ".,"
}
"""The digits of a number by its decimal mark, whole thousands separated or not."""


def is_plain(text: str) -> bool:
    """Is a text a number as programs write it, and nothing else?"""
    return len(text) <= 1000 and bool(PLAIN.fullmatch(text.strip()))


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


def number_format(texts: Sequence[str], share: float, column: str = "COLUMN") -> tuple[str, str] | None:
    """How a column of numbers is written and a remark on that; None where fewer than `share` of the texts are numbers.

    Args:
        texts: its cells that are texts and say something.
        column: its name, for the remark.
    """
    strange = [text for text in texts if not is_plain(text)]
    if not strange:
        return "", ""
    read = [found for text in strange if (found := apart(text)) is not None]
    if len(read) + len(texts) - len(strange) < share * len(texts):
        return None
    units = Counter(found.unit for found in read if found.unit)
    unit, count = units.most_common(1)[0] if units else ("", 0)
    unit = unit if count > len(texts) / 2 else ""  # a unit of a few cells is another amount than theirs
    plain = [text.strip().lstrip("+-") for text in texts if is_plain(text)]
    mark, sure = decimal_mark([*(found.digits for found in read if found.unit in ("", unit)), *plain], unit)
    good = sum(number_in(text, mark + unit) is not None for text in texts)
    if good < share * len(texts):
        return None
    if good == len(texts) - len(strange):  # what is strange stays so
        return "", ""
    example = next(text for text in strange if number_in(text, mark + unit) is not None)
    said = f"'{example.strip()}' is {number_in(example, mark + unit):.10g}"
    other = "" if sure else f", where the comma is no decimal mark; else --kind {column}=number:,{unit}"
    other = other if mark == "." else other.replace("comma", "point").replace("number:,", "number:.")
    return mark + unit, said + other


def decimal_mark(digits: Iterable[str], unit: str) -> tuple[str, bool]:
    """The mark before the decimals of a column, and whether anything tells it from that between thousands."""
    votes: Counter[str] = Counter()
    open_ends: Counter[str] = Counter()
    for each in digits:
        marks = re.findall("[.,]", each)
        if not marks:
            continue
        last = marks[-1]
        if len(set(marks)) == 2:
            votes[last] += 1
        elif len(marks) > 1:
            votes["," if last == "." else "."] += 1
        elif re.fullmatch(r"[1-9][0-9]{0,2}[.,][0-9]{3}", each):
            open_ends[last] += 1
        else:
            votes[last] += 1
    if votes:
        return votes.most_common(1)[0][0], True
    if open_ends["."] and not open_ends[","]:
        # Three decimals throughout are usual for measurements, not for money.
        return ("," if unit and (money(unit[-1]) or CURRENCIES.fullmatch(unit)) else "."), False
    return ".", not open_ends[","]
