"""Rows of tables as they are decoded: numbers in their own units, and the places of categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mmzoo.modalities.vectorizer import Vectorizer

if TYPE_CHECKING:
    from mmzoo.modalities.tabular import Tabular


class Columns(Vectorizer):
    """The decoded row, float32 (N, columns). The vocabularies are those of the training records."""

    def __init__(self, item: Tabular) -> None:
        self.item = item
        self.categories = range(len(item.numbers), len(item.numbers) + len(item.categories))

    def fit(self, values: Sequence[Mapping[str, Any]]) -> Self:
        self.item = self.item.fit(values)
        return self

    def transform(self, values: Sequence[Mapping[str, Any]]) -> np.ndarray:
        return np.stack([self.item.decode(value) for value in values])
