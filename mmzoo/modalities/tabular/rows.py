"""The cells of one row, a mapping of columns to values, read as what their columns are.

Each function takes the name of the input first, for its errors, and raises a `DataError` for what it cannot read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import DataError, require_data, unknown
from mmzoo.modalities.tabular.cells import LARGEST, number_of, says_nothing, text_of
from mmzoo.modalities.tabular.dates import date_of
from mmzoo.modalities.tabular.days import days_of

Row = Mapping[str, Any]


def checked(name: str, columns: Sequence[str], value: Raw) -> Row:
    """`value`, which must be a row with at least one of the columns, and without one whose name is misspelt."""
    require_data(
        isinstance(value, Mapping),
        "bad_row",
        f"A row of tabular input '{name}' must be a mapping of columns to values, not {type(value).__name__}.",
    )
    wanted = {*columns}
    here = [column for column in value if column in wanted]
    for column in value if len(here) < len(wanted) else ():
        if column in wanted:
            continue
        alike = [each for each in columns if each not in here and plain_words(each) == plain_words(column)]
        if alike or not here:
            raise DataError(
                str(unknown(f"column of input '{name}' called", column, alike or columns)), "unknown_column"
            )
    return value  # type: ignore[no-any-return]


def plain_words(text: str) -> str:
    """A column's name without case, blanks and marks, by which a misspelt one is known."""
    return "".join(char for char in str(text).casefold() if char.isalnum()) or str(text)


def cells(columns: Sequence[str], row: Row) -> Iterator[tuple[str, Any]]:
    """Some columns and their values, None where there is none."""
    for column in columns:
        if isinstance(value := row.get(column), DataError):
            raise value
        yield column, value


def numbers_in(name: str, columns: Sequence[str], forms: Sequence[str], row: Row) -> list[float]:
    """The numbers of some columns, of which `forms` say how they are written, NaN where missing or too large for a
    float32.
    """
    found = []
    for (column, value), form in zip(cells(columns, row), forms, strict=False):
        number = float("nan") if says_nothing(value) else number_of(value, form)
        if number is None:
            message = f"Column '{column}' of input '{name}' must be a number, not {value!r}; mend or empty it."
            raise DataError(message, "bad_number")
        found.append(number if abs(number) <= LARGEST else float("nan"))
    return found


def days_in(name: str, columns: Sequence[str], forms: Sequence[str], row: Row) -> list[float]:
    """The dates of some columns, of which `forms` say how they are written, as days since 2000, NaN where missing."""
    found = []
    for (column, value), form in zip(cells(columns, row), forms, strict=True):
        when = None if says_nothing(value) else date_of(value, form)
        if when is None and not says_nothing(value):
            message = (
                f"Column '{column}' of input '{name}' must be a date such as 2024-05-31 or 2024-05-31T14:30, "
                f"not {value!r}; mend or empty it."
            )
            raise DataError(message, "bad_date")
        found.append(float("nan") if when is None else days_of(when))
    return found


def category_in(name: str, column: str, row: Row) -> str | None:
    """A category as text; None where it is missing."""
    ((_, value),) = cells([column], row)
    if says_nothing(value):
        return None
    require_data(
        not isinstance(value, (Mapping, list, tuple, set, frozenset, bytes, np.ndarray)),
        "bad_category",
        f"Column '{column}' of input '{name}' must be a text or a number, not {type(value).__name__}.",
    )
    return text_of(value)


def words_in(name: str, column: str, delimiter: str, row: Row) -> set[str] | None:
    """The different words of a cell, a list of them or a text with delimiters; None where it is missing."""
    value = row.get(column)
    if not isinstance(value, (list, tuple, set, frozenset)):
        text = category_in(name, column, row)
        value = None if text is None else text.split(delimiter)
    if value is None:
        return None
    words = {category_in(name, column, {column: each}) for each in value}
    return {word for word in words if word}
