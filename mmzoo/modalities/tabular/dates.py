"""Dates as people write them: "2021-04-03", "03/04/2021 14:05", "3 April 2021", "20210403".

Whether the day or the month goes first is decided by the whole of a column and never cell by cell. The decision is a
short text, the *format*: "DMY", "MDY" or "YMD" of numbers; "" where every cell says it by itself, as ISO 8601 and the
names of months do. A column of times of day, "14:35", has the format "time": all are of the first day of 2000.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, datetime, timedelta, timezone

from mmzoo.aliases import Raw
from mmzoo.modalities.tabular.clock import TIME, time_of

ORDERS = ("DMY", "MDY", "YMD")
LONGEST = 40  # characters
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)

_TIME = (
    r"(?:[T ,]\s*(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<part>[0-9]{1,9}))?)?"
    r"\s?(?P<half>[AaPp]\.?[Mm]\.?)?\s?(?P<zone>Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})?)?"
)
ISO = re.compile(rf"(?P<y>[0-9]{{4}})(?P<by>[-/.])(?P<m>[0-9]{{1,2}})(?:(?P=by)(?P<d>[0-9]{{1,2}}))?{_TIME}")
NUMBERS = re.compile(rf"(?P<a>[0-9]{{1,2}})(?P<by>[-/.])(?P<b>[0-9]{{1,2}})(?P=by)(?P<y>[0-9]{{4}}|[0-9]{{2}}){_TIME}")
DAY_FIRST = re.compile(
    rf"(?:[A-Za-z]{{3,9}},?\s)?(?:(?P<d>[0-9]{{1,2}})(?:st|nd|rd|th|\.)?[-\s])?(?P<name>[A-Za-z]{{3,9}})\.?,?[-\s]"
    rf"(?P<y>[0-9]{{4}}|'?[0-9]{{2}}){_TIME}"
)
MONTH_FIRST = re.compile(
    rf"(?:[A-Za-z]{{3,9}},?\s)?(?P<name>[A-Za-z]{{3,9}})\.?[-\s](?P<d>[0-9]{{1,2}})(?:st|nd|rd|th)?,?[-\s]"
    rf"(?P<y>[0-9]{{4}}){_TIME}"
)
QUARTER = re.compile(r"(?P<y>[0-9]{4})[-\s]?[Qq](?P<q>[1-4])|[Qq](?P<q2>[1-4])[-/\s](?P<y2>[0-9]{4})")
COMPACT = re.compile(r"(?P<y>(?:1[6-9]|20|21)[0-9]{2})(?P<m>[01][0-9])(?P<d>[0-3][0-9])")


def date_of(value: Raw, form: str = "") -> datetime | None:
    """A date, or a text that is one, without a time zone (as UTC where it has one); None where it is neither.

    Args:
        form: of its column: which of day, month and year goes first where the text does not say it.
    """
    if form == TIME:
        if clock := time_of(value):
            return datetime(2000, 1, 1, *clock)
        return (when := date_of(value)) and datetime(2000, 1, 1, when.hour, when.minute)
    if isinstance(value, datetime):
        return in_utc(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    text = "" if value is None or isinstance(value, bool) else str(value).strip()
    if not text or len(text) > LONGEST:
        return None
    if found := ISO.fullmatch(text):
        return made(found, found["y"], found["m"], found["d"])
    if form == "YMD":
        found = COMPACT.fullmatch(text.removesuffix(".0"))
        return made(found, found["y"], found["m"], found["d"]) if found else None
    if form and (found := NUMBERS.fullmatch(text)):
        day, month = (found["a"], found["b"]) if form == "DMY" else (found["b"], found["a"])
        return made(found, found["y"], month, day)
    if found := QUARTER.fullmatch(text):
        return datetime(int(found["y"] or found["y2"]), 3 * int(found["q"] or found["q2"]) - 2, 1)
    for pattern in (DAY_FIRST, MONTH_FIRST):
        if (found := pattern.fullmatch(text)) and (month := month_of(found["name"])):
            return made(found, found["y"].lstrip("'"), str(month), found["d"])
    return None


def month_of(name: str) -> int:
    """The number of a month by its name, or by three letters of it at least; 0 of none."""
    return next((k for k, month in enumerate(MONTHS, start=1) if month.startswith(name.lower())), 0)


def made(found: re.Match[str], year: str, month: str, day: str | None) -> datetime | None:
    """A date of its parts, or None where there is no such day or time; two digits of a year are of 1970 to 2069."""
    whole = int(year) + (0 if len(year) > 2 else 1900 if int(year) >= 70 else 2000)
    parts = found.groupdict()
    hour = int(parts.get("hour") or 0)
    if half := parts.get("half"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half[0] in "Pp" else 0)
    try:
        there = datetime(
            whole,
            int(month),
            int(day or 1),
            hour,
            int(parts.get("minute") or 0),
            int(parts.get("second") or 0),
            int((parts.get("part") or "0").ljust(6, "0")[:6]),
        )
        zone = parts.get("zone")
        if not zone or zone in ("Z", "UTC", "GMT"):
            return there
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        offset = timezone(timedelta(hours=hours, minutes=minutes) * (1 if zone[0] == "+" else -1))
        return in_utc(there.replace(tzinfo=offset))
    except (ValueError, OverflowError):
        return None


def in_utc(when: datetime) -> datetime:
    """The same time without a zone."""
    return when if when.tzinfo is None else (when - (when.utcoffset() or timedelta())).replace(tzinfo=None)


class DatesWritten:
    """How the dates of a column are written, by its texts: counted one by one, in memory that does not grow."""

    def __init__(self) -> None:
        self.count = self.alone = self.numbers = self.points = 0
        self.good: Counter[str] = Counter()
        self.are_compact = True
        """Are all texts dates of eight digits, "20210403", which other numbers hardly ever are?"""

    def add(self, text: str, times: int = 1) -> None:
        """A cell that says something, and how often it is there."""
        self.count += times
        self.alone += times * (date_of(text) is not None)
        if self.are_compact:
            eight = len(text.strip().removesuffix(".0")) == 8
            self.are_compact = eight and date_of(text, "YMD") is not None
        if found := NUMBERS.fullmatch(text.strip()[:LONGEST]):
            self.numbers += times
            self.points += times * (found["by"] == ".")
            for form in ORDERS[:2]:
                self.good[form] += times * (date_of(found[0], form) is not None)

    def format(self, share: float, column: str = "COLUMN") -> tuple[str, str] | None:
        """How they are written and a remark on that; None where fewer than `share` of the texts are dates.

        Args:
            column: its name, for the remark.
        """
        wanted = share * self.count
        if self.alone >= wanted:
            return "", ""
        if self.numbers < wanted:
            return None
        sure = self.good["DMY"] != self.good["MDY"]
        points = self.points > self.numbers / 2
        form = max(ORDERS[:2], key=lambda each: (self.good[each], (each == "DMY") == points))
        first = "day" if form == "DMY" else "month"
        other = "" if sure else f", as far as can be seen; else --kind {column}=date:{ORDERS[form == 'DMY']}"
        return (form, f"the {first} goes first{other}") if self.good[form] >= wanted else None
