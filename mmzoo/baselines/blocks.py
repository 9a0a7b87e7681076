"""One matrix of one input, as each kind of model wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mmzoo.aliases import Untyped
from mmzoo.modalities.vectorizer import Vectorizer

DIRECTIONS = 100  # main directions that are kept of a wide block
FARTHEST = 8.0  # deviations from the mean to which a scaled number is cut


Matrix: TypeAlias = Untyped
"""Numbers (N, F): an array, or a sparse one of SciPy, which has no types."""


@dataclass(frozen=True)
class Table:
    """What a vectorizer made of some records.

    Args:
        matrix: (n, F) of those that have the input, dense with NaN or sparse; None where none has it.
        there: bool (N,), which have it.
    """

    matrix: Matrix
    there: np.ndarray

    def spread(self, rows: Matrix, fill: float, width: int) -> Matrix:
        """`rows` (n, width) of those that have the input among all: (N, width), the others `fill` (sparse: zeros)."""
        from scipy.sparse import csr_array, issparse

        if issparse(rows):
            places = np.flatnonzero(self.there)
            chosen = csr_array(
                (np.ones(len(places), np.float32), (places, np.arange(len(places)))),
                shape=(len(self.there), len(places)),
            )
            return chosen @ rows
        out = np.full((len(self.there), width), fill, np.float32)
        if rows is not None:
            out[self.there] = rows
        return out


class Block:
    """A vectorizer, and what is known of its matrix on the training records."""

    def __init__(self, vectorizer: Vectorizer, seed: int) -> None:
        self.vectorizer, self.seed = vectorizer, seed

    def fit(self, table: Table) -> None:
        """With the statistics of the training records."""
        from scipy.sparse import issparse

        self.training, matrix = table, table.matrix
        self.sparse, self.width = bool(issparse(matrix)), matrix.shape[1]
        self.gaps = not table.there.all()
        self.directions: Untyped = None
        if self.sparse:
            return
        self.categories = [*self.vectorizer.categories]
        self.numbers = [k for k in range(self.width) if k not in {*self.categories}]
        numbers = np.where(np.isfinite(matrix), matrix, np.nan)[:, self.numbers].astype(np.float64)
        known = np.isfinite(numbers)
        count = np.maximum(known.sum(axis=0), 1)
        self.means = np.where(known, numbers, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(known, numbers - self.means, 0.0) ** 2).sum(axis=0) / count)
        self.deviations = np.where(spread > 1e-9, spread, 1.0)
        self.unknown = np.flatnonzero(~known.all(axis=0))
        self.sizes = [int(matrix[:, k].max()) + 1 for k in self.categories]

    def scaled(self, table: Table) -> Matrix:
        """Dense or sparse (N, F), rows of about length 1, and a column of ones for records without the input."""
        from scipy.sparse import csr_array, hstack, issparse

        rows = table.matrix
        if self.sparse:
            rows = rows if rows is not None else csr_array((0, self.width), dtype=np.float32)
        elif rows is not None:
            rows = self._scaled(rows)
        width = self.width if self.sparse else self.scaled_width
        found = table.spread(rows, 0.0, width)
        if not self.gaps:
            return found
        absent = (~table.there[:, None]).astype(np.float32)
        return hstack([found, absent], format="csr") if issparse(found) else np.concatenate([found, absent], axis=1)

    @property
    def scaled_width(self) -> int:
        """The columns of a dense block when it is scaled."""
        return len(self.numbers) + len(self.unknown) + sum(self.sizes)

    def _scaled(self, matrix: np.ndarray) -> Matrix:
        """Numbers at mean 0 and deviation 1, which of them are not known, and categories one-hot: sparse, if many."""
        from scipy.sparse import csr_array, hstack

        numbers = (matrix[:, self.numbers] - self.means) / self.deviations
        unknown = ~np.isfinite(numbers)
        numbers = np.clip(np.where(unknown, 0.0, numbers), -FARTHEST, FARTHEST)
        dense = np.concatenate([numbers, unknown[:, self.unknown]], axis=1).astype(np.float32)
        hot = [
            one_hot(places, size)
            for places, size in zip(matrix[:, self.categories].T.astype(int), self.sizes, strict=True)
        ]
        found = hstack([csr_array(dense), *hot], format="csr") * np.float32(1 / np.sqrt(max(self.width, 1)))
        return found if sum(self.sizes) > DIRECTIONS else found.toarray()

    def reduced(self, table: Table) -> np.ndarray:
        """Dense (N, at most `DIRECTIONS` columns), as `scaled` but of a wide block its main directions."""
        found = self.scaled(table)
        if found.shape[1] <= DIRECTIONS:
            return np.asarray(found if isinstance(found, np.ndarray) else found.toarray())
        if self.directions is None:
            from sklearn.decomposition import TruncatedSVD

            trained = self.scaled(self.training)
            count = max(min(DIRECTIONS, *(side - 1 for side in trained.shape)), 1)
            self.directions = TruncatedSVD(count, random_state=self.seed).fit(trained)
        return np.asarray(self.directions.transform(found), np.float32)

    def plain(self, table: Table, widest: int | None) -> np.ndarray:
        """Dense (N, F): as the vectorizer made it, NaN without the input; where it is sparse or wide as `reduced`."""
        if self.sparse or (widest is not None and self.width > widest):
            found = self.reduced(table).copy()
            found[~table.there] = np.nan
            return found
        return np.asarray(table.spread(table.matrix, np.nan, self.width))


def one_hot(places: np.ndarray, size: int) -> Matrix:
    """Places int (N,) as ones in a sparse (N, size); nothing of a place that is beyond it."""
    from scipy.sparse import csr_array

    rows = np.flatnonzero(places < size)
    return csr_array((np.ones(len(rows), np.float32), (rows, places[rows])), shape=(len(places), size))
