"""One number as people write it: "$1,000", "5 %", "0,5", "1 234,5", "(1,000)", "12 kg", "1.3M", "<5", "2 1/2".

What a mark or a unit means is said by the format of its column, see `mmzoo.modalities.tabular.numbers`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from mmzoo.modalities.tabular.clock import DURATION, duration_of
from mmzoo.modalities.tabular.units import factor

LONGEST = 60
"""Characters of a number that is not written plainly."""

PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""A number as programs write it."""

_UNIT = r"[%‰°'\"]|[^\W\d_]{1,3}\$|[^\W\d_°]{1,12}(?:/[^\W\d_]{1,6})?[²³]?|°[A-Za-z]|[µμ][A-Za-z]{1,3}"
_BLANK = "\u0020\u00a0\u2009\u202f"
_DIGITS = rf"[0-9](?:[0-9.,'\u2019{_BLANK}]*[0-9])?[.,]?|[.,][0-9]+"
_MONEY = r"[^\w\s.,+\-()%‰°'\"*#@&|/\\]"  # a sign that stands alone; `money` sees whether it is one of a currency
_SCALES = (
    "thousand|million|billion|trillion|lakhs?|lacs?|crores?|[Mm]io|[Mm]ln|[Mm]rd|[Mm]ld|[Tt]sd|[Bb]n|Cr|[kKmMbBtT]"
)
WRITTEN = re.compile(
    rf"(?P<about><=|>=|=<|[<>\u2264\u2265~\u2248])?\s?"
    rf"(?P<open>\()?\s*(?P<sign>[+\-\u2212])?\s?(?P<before>[A-Z]{{0,3}}{_MONEY}|[A-Z]{{3}}(?=\s))?\s?"
    rf"(?P<inner>[+\-\u2212])?(?P<digits>{_DIGITS})(?P<power>[eE][+-]?[0-9]{{1,3}})?"
    rf"(?:(?P<blank>[{_BLANK}]?)(?P<scale>{_SCALES})(?![^\W_])\.?)?"
    rf"(?:[{_BLANK}]{{0,2}}(?P<after>{_MONEY}|{_UNIT}))?\s*(?P<close>\))?\s?(?P<more>\+)?"
)

POWERS = {
    **dict.fromkeys(("k", "thousand", "tsd"), 3),
    **dict.fromkeys(("lakh", "lakhs", "lac", "lacs"), 5),
    **dict.fromkeys(("m", "million", "mio", "mln"), 6),
    **dict.fromkeys(("crore", "crores", "cr"), 7),
    **dict.fromkeys(("b", "bn", "billion", "mrd", "mld"), 9),
    **dict.fromkeys(("t", "trillion"), 12),
}
"""Of ten, by the words for them in small letters."""

FRACTION = "fraction"
"""The format of a column of numbers some of which are fractions."""

PARTS = re.compile(r"(?P<sign>-)?(?:(?P<whole>[0-9]{1,6})[ -])?(?P<top>[0-9]{1,4})/(?P<bottom>[1-9][0-9]{0,3})")

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


CURRENCIES = re.compile("USD|EUR|GBP|CHF|INR|BRL|CAD|AUD|SEK|NOK|DKK|PLN|CZK|RUB|TRY|ZAR|MXN|kr|zł|Kč")


class Written(NamedTuple):
    """A number that was taken apart: its sign, its digits with their marks, its power of ten and its unit.

    mark: what says that it is not exactly this number: "<", "~", "+" ...; "" for nothing.
    """

    negative: bool
    digits: str
    power: int
    unit: str
    mark: str


def apart(text: str) -> Written | None:
    """The parts of a number; None where a text is none."""
    text = text.strip()
    found = WRITTEN.fullmatch(text) if len(text) <= LONGEST else None
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    signs = [found[part] for part in ("sign", "inner") if found[part]]
    before, scale, after = (found[part] or "" for part in ("before", "scale", "after"))
    if scale and not is_scale(scale, found["blank"] or "", before, after):
        if after:
            return None
        scale, after = "", scale
    marks = [found[part] for part in ("about", "more") if found[part]]
    if len(signs) > 1 or (before and after) or len(marks) > 1 or (found["open"] and signs):
        return None
    if (before and not before.isalpha() and not money(before[-1])) or not is_unit(after):
        return None
    negative = bool(found["open"]) or any(sign != "+" for sign in signs)
    power = int((found["power"] or "e0")[1:]) + (POWERS[scale.lower()] if scale else 0)
    return Written(negative, found["digits"], power, before or after, "".join(marks))


def is_scale(scale: str, blank: str, before: str, after: str) -> bool:
    """Is it a word for a power of ten, and no unit? "5 m" are metres, "$5 m" and "5M" are millions, "300 K" is warm."""
    if len(scale) > 1:
        return True
    of_money = bool(before) or any(map(money, after)) or bool(CURRENCIES.fullmatch(after))
    return of_money or (scale in "kKM" and not blank and not after)


def money(sign: str) -> bool:
    """Is it the sign of a currency?"""
    return unicodedata.category(sign) == "Sc"


def is_unit(text: str) -> bool:
    """Is what stands behind a number letters, or a sign that can be a unit?"""
    return not text or any(char.isalpha() or char in "%‰°'\"" or money(char) for char in text)


def number_in(text: str, form: str) -> float | None:
    """The number that a text of a column of this format is; None where it is none, or measures something else.

    Of "<5", "~5" and "5+" it is 5, and of "500 g" among kilograms 0.5.
    """
    if form == DURATION:
        return duration_of(text)
    if form == FRACTION:
        return float(text) if is_plain(text) else fraction_of(text)
    if (found := apart(text)) is None or (times := factor(found.unit or form[1:], form[1:])) is None:
        return None
    mark = form[:1] or "."
    if not THOUSANDS[mark].fullmatch(found.digits):
        return None
    digits = re.sub(rf"[^0-9{re.escape(mark)}]", "", found.digits).replace(mark, ".")
    return (-1 if found.negative else 1) * float(f"{digits}e{found.power}") * times


def fraction_of(text: str) -> float | None:
    """The number that "3/4" or "2 1/2" is; None of what is no such text, or is more than one, as "120/80" is."""
    if (found := PARTS.fullmatch(text.strip()[: LONGEST + 1])) is None or int(found["top"]) > int(found["bottom"]):
        return None
    number = int(found["whole"] or 0) + int(found["top"]) / int(found["bottom"])
    return -number if found["sign"] else number
