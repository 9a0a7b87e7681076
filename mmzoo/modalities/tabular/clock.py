"""Times of day and lengths of time as people write them: "14:35", "2:05 PM", "1:02:33", "2h 50m".

"3:45" can be either. A column is of times of day where it says AM or PM, or where its hours are those of a day; else it
is of lengths of time, which are numbers: their seconds, or the minutes of "3:45" that are hours and minutes.
"""

from __future__ import annotations

import re

from mmzoo.aliases import Raw

TIME = "time"
"""The format of a column of dates that is of times of day."""

DURATION = "duration"
"""The format of a column of numbers that is of lengths of time."""

LONGEST = 60  # characters
EARLY, NOON = 6, 12  # hours

_HALF = r"(?:\s?(?P<half>[AaPp])\.?[Mm]\.?)"
CLOCK = re.compile(
    rf"(?P<hour>[0-9]{{1,2}}):(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9])(?:[.,][0-9]{{1,9}})?)?{_HALF}?"
)
ALONE = re.compile(rf"(?P<hour>[0-9]{{1,2}}){_HALF}")
LENGTH = re.compile(
    r"(?:(?P<days>-?[0-9]{1,6}) days?,?\s\+?)?(?P<sign>-)?(?P<first>[0-9]{1,6}):(?P<second>[0-5][0-9])"
    r"(?::(?P<third>[0-5][0-9]))?(?P<part>[.,][0-9]{1,9})?"
)
_AMOUNT = r"(?P<{}>[0-9]{{1,6}}(?:\.[0-9]{{1,6}})?)\s?"
WORDS = re.compile(
    r"(?=[0-9])"
    + r",?\s?".join(
        rf"(?:{_AMOUNT.format(unit)}{word})?"
        for unit, word in (
            ("d", "d(?:ays?)?"),
            ("h", "h(?:(?:ou)?rs?)?"),
            ("m", "m(?:in(?:ute)?s?)?"),
            ("s", "s(?:ec(?:ond)?s?)?"),
        )
    ),
    re.IGNORECASE,
)
SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}

SAYS_LENGTH = re.compile("durat|elaps|length|run.?time|taken|lap|pace|finish|delay|wait|dauer", re.IGNORECASE)
SAYS_TIME = re.compile("hour|clock|time|open|clos|depart|arriv|start|begin|uhr", re.IGNORECASE)


def time_of(value: Raw) -> tuple[int, int] | None:
    """The hour and minute of a time of day; None of what is none."""
    text = str(value).strip()
    found = (CLOCK.fullmatch(text) or ALONE.fullmatch(text)) if len(text) <= LONGEST else None
    if found is None:
        return None
    hour, half = int(found["hour"]), (found["half"] or "").lower()
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + (12 if half == "p" else 0) if half else hour
    return (hour, int(found.groupdict().get("minute") or 0)) if hour < 24 else None


def duration_of(text: str) -> float | None:
    """A length of time as a number; None of what is none.

    "1:02:33" and "2h 50m" are seconds. "3:45" is 225: the seconds of minutes, or the minutes of hours.
    """
    text = text.strip()
    if len(text) > LONGEST:
        return None
    if found := LENGTH.fullmatch(text):
        whole = int(found["first"]) * 60 + int(found["second"])
        if found["third"] is not None:
            whole = whole * 60 + int(found["third"])
        seconds = whole + float((found["part"] or ".0").replace(",", "."))
        return int(found["days"] or 0) * 86400 + (-seconds if found["sign"] else seconds)
    if found := WORDS.fullmatch(text):
        return sum(float(found[unit]) * size for unit, size in SECONDS.items() if found[unit])
    return None


class ClockWritten:
    """Is a column of times of day, or of lengths of time? By its texts, counted one by one."""

    def __init__(self) -> None:
        self.count = self.times = self.halves = self.lengths = self.parts = self.padded = 0
        self.largest = 0
        self.example = ""

    def add(self, text: str, times: int = 1) -> None:
        """A cell that says something, and how often it is there."""
        self.count += times
        if (when := time_of(text)) is not None:
            self.times += times
            self.largest = max(self.largest, when[0])
            self.halves += times * text.strip(" .").lower().endswith(("am", "pm", "a.m", "p.m"))
            self.padded += times * text.strip().startswith("0")
        if duration_of(text) is not None:
            self.lengths += times
            if ":" in text or len(re.findall("[0-9][0-9.]*", text)) > 1:
                self.parts += times
                self.example = self.example or text.strip()

    def format(self, share: float, column: str = "COLUMN") -> tuple[str, str, str] | None:
        """The kind and format of the column and a remark; None where fewer than `share` of the texts are either.

        Args:
            column: its name, which may say which.
        """
        wanted = max(share * self.count, 1)
        if self.times >= wanted and self._of_day(column):
            other = "" if self.halves else f"; else --kind {column}=number:{DURATION}"
            return "date", TIME, f"times of day{other}"
        if self.lengths >= wanted and self.parts:
            other = f"; else --kind {column}=date:{TIME}" if self.times >= wanted else ""
            number = duration_of(self.example)
            return "number", DURATION, f"lengths of time, '{self.example}' is {number:.10g}{other}"
        return None

    def _of_day(self, column: str) -> bool:
        """Are what can be times of day such?"""
        if self.halves:
            return True
        if SAYS_LENGTH.search(column) or self.lengths > self.times:  # there are hours beyond 24
            return False
        return bool(SAYS_TIME.search(column)) or self.largest >= (EARLY if self.padded else NOON)
