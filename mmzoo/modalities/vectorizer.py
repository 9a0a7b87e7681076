"""Raw values as rows of numbers, for models that are no networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

import numpy as np

from mmzoo.aliases import Raw, Untyped


class Vectorizer:
    """What makes a matrix of the values of one input, as a transformer of scikit-learn does.

    It is given values that are there, never None. What it learns it learns in `fit`, from training records.
    """

    categories: Sequence[int] = ()
    """The columns of the matrix that hold the places of categories, 0 and up; the others are numbers."""

    def fit(self, values: Sequence[object]) -> Self:
        """With what has to be learnt from the training records: a vocabulary."""
        return self

    def transform(self, values: Sequence[object]) -> Untyped:
        """float32 (N, F), NaN where a number is not known; or a sparse matrix without any.

        Raises:
            MMZooError: a value cannot be decoded.
        """
        raise NotImplementedError


class Each(Vectorizer):
    """A row of numbers for each value by itself, whatever the others are.

    Args:
        vector: of one value, as many numbers for each.
        what: is being done, for the progress bar.
    """

    def __init__(self, vector: Callable[[Raw], np.ndarray], what: str) -> None:
        self.vector, self.what = vector, what

    def transform(self, values: Sequence[object]) -> np.ndarray:
        from tqdm import tqdm  # `mmzoo.lite` imports this module, and shows no bars

        bar = tqdm(values, desc=self.what, unit="value", disable=None, leave=False, delay=1.0)
        return np.stack([np.asarray(self.vector(value), np.float32) for value in bar])


def means_of_parts(rows: np.ndarray, count: int) -> np.ndarray:
    """The means (count, ...) of equal parts of the first axis of (T, ...), T > 0; of few rows some parts share one."""
    edges = np.linspace(0, len(rows), count + 1).round().astype(int)
    starts = np.minimum(edges[:-1], len(rows) - 1)
    ends = np.maximum(edges[1:], starts + 1)
    return np.stack([rows[a:b].mean(axis=0) for a, b in zip(starts, ends, strict=True)])
