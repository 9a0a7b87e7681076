"""Columns of texts: which are read as texts, which make one input together, and what of them is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.data.lazy.columns import sample
from mmzoo.data.table import Table
from mmzoo.errors import DataError, MMZooError
from mmzoo.tasks import tasks

LOOKED_AT = 200  # values of a column that are read to guess how long they are
MOST_TEXTS = 3  # columns of texts that are inputs of their own
PHRASE = 3  # words from which a cell is a phrase that one could put in other words
LONG_TEXT = 100  # characters, on average, of one that stays an input of its own where there are more


def searched_by_words(table: Table, task: str) -> dict[str, str]:
    """The columns that are read as texts where inputs are to find each other, though their cells come again and again.

    Captions are few in many data sets; as categories nobody could ask for them in other words.
    """
    if task not in tasks.names(phrases="text"):
        return {}
    return {
        column: "text"
        for column, kind in table.kinds.items()
        if kind == "category"
        and column not in table.told
        and np.median([len(str(value).split()) for value in good_values(table.columns[column])] or [0]) >= PHRASE
    }


def short_texts(table: Table, kinds: Mapping[str, str], apart: Iterable[str]) -> list[str]:
    """The columns of texts that are one input together: where there are many, all but the longest.

    Ten inputs of titles and names would have ten towers and a thousand subsets, and say no more.

    Args:
        kinds: what each column is read as.
        apart: columns that are no inputs.
    """
    columns = [name for name, kind in kinds.items() if kind == "text" and name not in apart]
    if len(columns) <= MOST_TEXTS:
        return []
    found = {column: good_values(table.columns[column]) for column in columns}
    lengths = {column: np.mean([len(str(text)) for text in texts]) if texts else 0.0 for column, texts in found.items()}
    longest = sorted(columns, key=lambda column: -lengths[column])[:MOST_TEXTS]
    return [column for column in columns if column not in longest or lengths[column] < LONG_TEXT]


def good_values(values: Sequence[object]) -> list[Raw]:
    """Some values of a column that can be used, to guess how long they are.

    Raises:
        MMZooError: there are values, and the first of them cannot be used.
    """
    looked_at = sample(values, LOOKED_AT)
    found = [value for value in looked_at if not isinstance(value, DataError)]
    if looked_at and not found:
        raise MMZooError(str(looked_at[0]))
    return found
