"""What is learnt of the columns of a table before a model is built: quantiles, and the words of categories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypedDict

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import check_number, require
from mmzoo.modalities.tabular.days import parts_of_days
from mmzoo.modalities.tabular.lists import DELIMITERS
from mmzoo.modalities.tabular.rows import Rows

MOST_BINS = 32
ROOM = 200_000  # quantiles of all columns together: the spec of a wide table stays small
HUGE = 1e30  # beyond it the graph takes a number for missing

MOST_CATEGORIES = 5000  # of one column
MOST_WORDS = 256  # of one column of multi-categories, whose every word is a place of the decoded example
FEW = 50  # categories of which each is worth a place of its own, also where it was seen once


class Learned(TypedDict):
    """The fields of a `Tabular` that its rows fill in."""

    quantiles: list[list[float]]
    vocabularies: list[list[str]]
    delimiters: Sequence[str]


def learned(rows: Rows, values: Sequence[Raw]) -> Learned:
    """What these rows say of their columns; delimiters that are known stay."""
    given = [rows.checked(value) for value in values]
    days = np.array([rows.days_in(row) for row in given], np.float32).reshape(len(given), -1)
    tables = [np.array([rows.numbers_in(row) for row in given], np.float64).reshape(len(given), -1)]
    tables += [parts_of_days(each) for each in days.T.astype(np.float64)]
    delimiters = rows.delimiters or [
        delimiter_of([cell for row in given if isinstance(cell := row.get(column), str)])
        for column in rows.multi_categories
    ]
    vocabularies = [
        vocabulary_of((rows.category_in(column, row) for row in given), MOST_CATEGORIES) for column in rows.categories
    ]
    vocabularies += [
        vocabulary_of((word for row in given for word in rows.words_in(column, mark, row) or ()), MOST_WORDS)
        for column, mark in zip(rows.multi_categories, delimiters, strict=True)
    ]
    return {
        "quantiles": quantiles_of(np.concatenate(tables, axis=1)),
        "vocabularies": vocabularies,
        "delimiters": delimiters,
    }


def quantiles_of(table: np.ndarray) -> list[list[float]]:
    """The quantiles of each column of (N, C) at equal steps of probability, over what is finite in it.

    They are values that the column has, not what lies between two of them, with seven digits. The least and the largest
    are among them. A column without numbers has zeros.
    """
    bins = max(min(MOST_BINS, ROOM // max(table.shape[1], 1)), 2)
    found = []
    for column in table.T:
        there = column[np.isfinite(column)]
        values = np.quantile(there, np.linspace(0, 1, bins + 1), method="inverted_cdf") if len(there) else [0.0] * 2
        found.append([float(f"{value:.7g}") for value in np.clip(values, -HUGE, HUGE)])
    return found


def check_quantiles(what: str, quantiles: Sequence[Sequence[float]]) -> None:
    """Raise unless each column has a few numbers that rise."""
    for values in quantiles:
        require(2 <= len(values) <= 1024, f"Each of the quantiles of {what} must be 2 to 1024 numbers.")
        for value in values:
            check_number(f"Each of the quantiles of {what}", value, -HUGE, HUGE)
        rising = all(one <= other for one, other in pairwise(values))
        require(rising, f"The quantiles of {what} must rise: each column's from its least to its largest value.")


def edges_of(quantiles: Sequence[float]) -> np.ndarray:
    """The different ones among the quantiles of a column, rising, float32; a single one of a constant column."""
    return np.unique(np.asarray(quantiles, np.float32))


def vocabulary_of(words: Iterable[str | None], most: int) -> list[str]:
    """The different words, the most frequent first, of equal ones the first in the order of characters.

    Of many words those that were seen once share the place of the unknown, which is thereby trained: nothing could be
    learnt of them one by one.
    """
    counts = Counter(word for word in words if word is not None)
    found = sorted(counts, key=lambda word: (-counts[word], word))
    return [word for word in found if counts[word] > 1 or len(found) <= FEW][:most]


def delimiter_of(texts: Sequence[str]) -> str:
    """What stands between the words in the cells of a column: what most of them have; a comma where there are none."""
    if not texts:
        return ","
    return max(DELIMITERS, key=lambda each: sum(each in text for text in texts))
