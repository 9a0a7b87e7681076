"""Rows of tables as they are decoded: numbers in their own units, the places of categories, and the parts of dates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.modalities.tabular.days import parts_of_days
from mmzoo.modalities.vectorizer import Vectorizer

if TYPE_CHECKING:
    from mmzoo.modalities.tabular import Tabular


class Columns(Vectorizer):
    """The decoded row, float32 (N, F), behind it the parts of each date. The vocabularies are of the training records.

    So that whoever learns of it knows what the towers of this package know.
    """

    def __init__(self, item: Tabular) -> None:
        self.item = item
        self.categories = range(len(item.numbers), len(item.numbers) + len(item.categories))

    def fit(self, values: Sequence[Raw]) -> Self:
        self.item = self.item.fit(values)
        return self

    def transform(self, values: Sequence[Raw]) -> np.ndarray:
        rows = np.stack([self.item.decode(value) for value in values])
        first = len(self.item.numbers) + len(self.item.categories)
        days = rows[:, first : first + len(self.item.dates)].astype(np.float64)
        return np.concatenate([rows, *(parts_of_days(each)[:, :-1] for each in days.T)], axis=1).astype(np.float32)
