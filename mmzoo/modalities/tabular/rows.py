"""The cells of one row, a mapping of columns to values, read as what their columns are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import DataError, MMZooError, require, require_data, unknown
from mmzoo.files.limits import unique_keys
from mmzoo.messages.words import one_line
from mmzoo.modalities.tabular.cells import LARGEST, is_missing, is_no_amount, number_of, says_nothing, text_of
from mmzoo.modalities.tabular.dates import date_of
from mmzoo.modalities.tabular.days import days_of
from mmzoo.modalities.tabular.lists import DELIMITERS
from mmzoo.modalities.tabular.vocabulary import Vocabulary

MISSING, UNKNOWN = 0, 1  # a category's first two places

Row = Mapping[str, Raw]


@dataclass(frozen=True)
class Rows:
    """Reads the rows of an input; raises a `DataError` for a cell that it cannot read.

    Args:
        name: of the input, for errors.
        numbers, categories, dates, multi_categories: the columns.
        forms: how those of numbers, then of dates are written.
        vocabularies: what those of categories, then of multi-categories can hold.
        delimiters: of each column of multi-categories.
    """

    name: str
    numbers: Sequence[str]
    categories: Sequence[str]
    dates: Sequence[str]
    multi_categories: Sequence[str]
    forms: Sequence[str]
    vocabularies: Sequence[Sequence[str]]
    delimiters: Sequence[str]

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        return (*self.numbers, *self.categories, *self.dates, *self.multi_categories)

    @cached_property
    def _words(self) -> list[Vocabulary]:
        return [Vocabulary(words) for words in self.vocabularies]

    def checked(self, value: Raw) -> Row:
        """`value`, which must be a row with at least one of the columns, and without one whose name is misspelt."""
        if not isinstance(value, Mapping):
            what = f"A row of tabular input '{self.name}' must be a mapping of columns to values"
            raise DataError(f"{what}, not {type(value).__name__}.", "bad_row")
        wanted = {*self._columns}
        here = [column for column in value if column in wanted]
        for column in value if len(here) < len(wanted) else ():
            if column in wanted:
                continue
            alike = [each for each in self._columns if each not in here and plain_words(each) == plain_words(column)]
            if alike or not here:
                raise DataError(
                    str(unknown(f"column of input '{self.name}' called", column, alike or self._columns)),
                    "unknown_column",
                )
        return value

    def check(self, value: Raw) -> None:
        """Raise where it is no row that can be read."""
        row = self.checked(value)
        self.numbers_in(row)
        self.days_in(row)
        for column in self.categories:
            self.category_in(column, row)
        for column in self.multi_categories:
            self.words_in(column, DELIMITERS[0], row)

    def numbers_in(self, row: Row) -> list[float]:
        """Its numbers, NaN where missing or too large for a float32."""
        found = []
        for (column, value), form in zip(cells(self.numbers, row), self.forms, strict=False):
            number = float("nan") if is_no_amount(value) else number_of(value, form)
            if number is None:
                message = f"Column '{column}' of input '{self.name}' must be a number, not {value!r}; mend or empty it."
                raise DataError(message, "bad_number")
            found.append(number if abs(number) <= LARGEST else float("nan"))
        return found

    def days_in(self, row: Row) -> list[float]:
        """Its dates as days since 2000, NaN where missing."""
        found = []
        for (column, value), form in zip(cells(self.dates, row), self.forms[len(self.numbers) :], strict=True):
            when = None if is_no_amount(value) else date_of(value, form)
            if when is None and not is_no_amount(value):
                message = (
                    f"Column '{column}' of input '{self.name}' must be a date such as 2024-05-31 or 2024-05-31T14:30, "
                    f"not {value!r}; mend or empty it."
                )
                raise DataError(message, "bad_date")
            found.append(float("nan") if when is None else days_of(when))
        return found

    def category_in(self, column: str, row: Row) -> str | None:
        """A category as text; None where it is missing."""
        ((_, value),) = cells([column], row)
        if says_nothing(value):
            return None
        require_data(
            not isinstance(value, (Mapping, list, tuple, set, frozenset, bytes, np.ndarray)),
            "bad_category",
            f"Column '{column}' of input '{self.name}' must be a text or a number, not {type(value).__name__}.",
        )
        return text_of(value)

    def words_in(self, column: str, delimiter: str, row: Row) -> set[str] | None:
        """The different words of a cell, a list of them or a text with delimiters; None where it is missing."""
        value = row.get(column)
        if not isinstance(value, (list, tuple, set, frozenset)):
            text = self.category_in(column, row)
            value = None if text is None else text.split(delimiter)
        if value is None:
            return None
        words = {self.category_in(column, {column: each}) for each in value}
        return {word for word in words if word}

    def places_in(self, row: Row) -> Iterator[int]:
        """Of each column of categories the place of what the row has."""
        for column, words in zip(self.categories, self._words, strict=False):
            found, written = self.category_in(column, row), row.get(column)
            # What a vocabulary has is what it was fitted on: a word for nothing too, and 1.0 where that was a text.
            known = [] if is_missing(written) else [word for word in (found, str(written).strip()) if word is not None]
            place = next((place for word in known if (place := words.place(word)) is not None), None)
            yield (MISSING if found is None else UNKNOWN) if place is None else place + 2

    def flags_in(self, row: Row) -> Iterator[float]:
        """Of each column of multi-categories: is there a word that is unknown, and is each known one there?"""
        several = self._words[len(self.categories) :]
        for column, mark, words in zip(self.multi_categories, self.delimiters, several, strict=True):
            found = self.words_in(column, mark, row)
            if found is None:
                yield from [float("nan")] * (len(words.places) + 1)
            else:
                there = {words.place(word) for word in found}
                yield float(None in there)
                yield from (float(place in there) for place in words.places.values())


def plain_words(text: str) -> str:
    """A column's name without case, blanks and marks, by which a misspelt one is known."""
    return "".join(char for char in str(text).casefold() if char.isalnum()) or str(text)


def cells(columns: Sequence[str], row: Row) -> Iterator[tuple[str, Raw]]:
    """Some columns and their values, None where there is none."""
    for column in columns:
        if isinstance(value := row.get(column), DataError):
            raise value
        yield column, value


def from_text(name: str, text: str) -> dict[str, Raw]:
    """A row, written as a JSON object.

    Raises:
        MMZooError: it is none.
    """
    try:
        row = json.loads(text, object_pairs_hook=unique_keys)
        require(isinstance(row, dict), "")
    except (ValueError, RecursionError):
        raise MMZooError(
            f"Input '{name}' is a row: write --input '{name}={{\"column\": value}}', not '{one_line(text, 200)}'."
        ) from None
    return row  # type: ignore[no-any-return]
