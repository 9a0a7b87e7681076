"""Cells that are hidden while trees grow, so that they know what to do where one is missing that never was before.

Scikit-learn's trees send a number that was never missing to the side of a question where most records are, which is as
good a guess as its median, and biased. With each column of the abalones missing in turn (`benchmarks/missing_cells.py`)
R2 is .336 so, .274 with the median, and .345 with cells hidden in training; with a quarter of all cells missing .170,
.076 and .197; with nothing missing .560 each time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmzoo.modalities.tabular.rows import MISSING

SHARE = 0.2
"""Of the cells of the columns that are never missing, in a second copy of the records."""

MOST = 50_000
"""Records of that copy."""


@dataclass(frozen=True)
class Hiding:
    """Which cells may be hidden.

    Args:
        owners: int (F,), which column of the table each number of a row is of: they are missing together.
        categories: those numbers that are places of categories.
    """

    owners: np.ndarray
    categories: range

    def copy_of(self, matrix: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Some records with hidden cells, float (M, F), and which they are, int (M,); none where there is no column.

        Only columns of which no cell is missing have cells hidden: elsewhere that one is missing says something.
        """
        random = np.random.RandomState(seed)
        gone = np.isnan(matrix)
        places = [*self.categories]
        gone[:, places] |= matrix[:, places] == MISSING
        whole = np.array([not gone[:, self.owners == owner].any() for owner in range(int(self.owners.max()) + 1)])
        rows = np.arange(len(matrix)) if len(matrix) <= MOST else random.choice(len(matrix), MOST, replace=False)
        hidden = (random.uniform(size=(len(rows), len(whole))) < SHARE) & whole
        rows, hidden = rows[hidden.any(axis=1)], hidden[hidden.any(axis=1)]
        nothing = np.full(matrix.shape[1], np.nan)
        nothing[places] = MISSING
        return np.where(hidden[:, self.owners], nothing, matrix[rows]), rows


def hiding_of(owners: np.ndarray, dates: np.ndarray, each: int, categories: range) -> Hiding:
    """The cells of a row behind which `each` parts of each date stand.

    Args:
        owners: int, of the row itself.
        dates: int, which columns are dates.
    """
    return Hiding(np.concatenate([owners, np.repeat(dates, each)]).astype(int), categories)
