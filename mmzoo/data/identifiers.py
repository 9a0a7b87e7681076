"""Columns that name records, count them, or say the same of all: they are no inputs.

A model that reads them learns the training records by heart. Nothing is left out that could be a measurement: a column
of numbers with decimals never is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from mmzoo.aliases import Raw
from mmzoo.modalities.tabular.cells import number_of, text_of

LEAST = 20
"""Values from which something can be said: three whole numbers in order are no counter yet."""

DIFFERENT = 0.98
"""The share of different values from which they name the records; a record that stands twice is no reason."""

SELDOM = 0.01
"""The share of the records up to which a column that says something in no others is not worth an input."""

NAMED = 0.5
"""The same of a column whose name says so: of a patient or a bird there may be two records."""

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


def identifier(column: str, values: Sequence[Raw]) -> str:
    """Why a column of these values, without those that are missing, is no input; "" where it may be one."""
    texts = [text_of(value) for value in values]
    different = len(set(texts))
    least = NAMED if named_identifier(column) and not PLACES.search(column) else DIFFERENT
    if len(texts) < LEAST or different < least * len(texts):
        return ""
    alike = "no two the same" if different == len(texts) else f"{different} different ones of {len(texts)}"
    numbers = [number_of(value) for value in values if not isinstance(value, bool)]
    whole = [int(number) for number in numbers if number is not None and abs(number) < 1e15 and number == int(number)]
    if len(whole) == len(texts) and all("." not in text for text in texts):
        return of_numbers(column, whole, alike)
    if sum(bool(UUID.fullmatch(text)) for text in texts) >= DIFFERENT * len(texts):
        return f"identifiers, {alike}"
    if sum(number is not None for number in numbers) > len(texts) / 2 or is_time(words_of(column)):
        return ""
    share = DIFFERENT * len(texts)
    capitals = Counter(len(text) for text in texts if CAPITALS.fullmatch(text))
    codes = sum(bool(CODE.fullmatch(text)) for text in texts) >= share and len({shape(text) for text in texts}) <= 3
    single = sum(len(text) <= 60 and " " not in text for text in texts) >= 0.95 * len(texts)
    if codes or max(capitals.values(), default=0) >= share or (single and named_identifier(column)):
        return f"codes, {alike}"
    return ""


def of_numbers(column: str, numbers: Sequence[int], alike: str) -> str:
    """Why whole numbers of which few are the same are no input; "" where they may be one."""
    least, span = min(numbers), max(numbers) - min(numbers) + 1
    if UNNAMED.fullmatch(column.strip()):
        return "the numbers of the rows"
    if named_identifier(column):
        return f"identifiers, {alike}"
    if not is_time(words_of(column)) and least in (0, 1) and span == len(numbers):
        return "it numbers the records"
    return ""


def shape(text: str) -> str:
    """A code with 9 for its digits and A for its letters: "CA-2016-152156" and "US-17-9" are both "A-9-9"."""
    return re.sub("[A-Za-z]+", "A", re.sub("[0-9]+", "9", text))


def hardly_there(count: int, records: int) -> str:
    """Why a column is no input that says something in `count` of the records; "" where these are enough."""
    if records < LEAST or count > max(min(SELDOM * records, LEAST), 2):
        return ""
    return f"it says something in {count} of {records} records"


def constant(values: Sequence[Raw], count: int) -> str:
    """Why a column is no input that says the same of each of `count` records; "" where it does not."""
    if count < 2 or len(values) < count:  # where some are missing, that says something
        return ""
    first = text_of(values[0]) if not isinstance(values[0], (list, tuple, dict)) else None
    if first is None or any(value is not values[0] and text_of(value) != first for value in values):
        return ""
    return "the same in every record"
