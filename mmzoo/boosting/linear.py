"""The linear part of what is fitted to the rows of a table, beside boosted trees: what is a line needs few records."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mmzoo.aliases import Untyped

if TYPE_CHECKING:
    from mmzoo.boosting.committee import Committee

FARTHEST = 3.0  # deviations from the mean; a number further away is as good as this far
PENALTIES = (1.0, 10.0, 100.0)
MOST = 2 * 10**7  # numbers of the encoded records: more of them can well be left to the trees
WIDE = 256  # places of categories from which most of an encoded row is zeros
STEPS = 10  # of the share of the linear scores
HIDDEN = 0.03  # what a record with hidden cells counts beside a whole one: .1 costs R2 .01 where nothing is missing


Lacking = tuple[Untyped, np.ndarray]
"""Records with hidden cells, encoded, and which each is of."""


class Encoding(NamedTuple):
    """How a row becomes what is linear: each number's deviation, is it missing, and each place of a category.

    means, scales: float32 (F,), of the columns; a scale is one over a deviation.
    start: the first column of categories.
    sizes: how many places each of these has.
    """

    means: np.ndarray
    scales: np.ndarray
    start: int
    sizes: Sequence[int]

    @classmethod
    def of(cls, matrix: np.ndarray, start: int, sizes: Sequence[int]) -> Encoding:
        """That of the training records, float (N, F)."""
        there = ~np.isnan(matrix)
        count = np.maximum(there.sum(axis=0), 1)
        means = np.where(there, matrix, 0.0).sum(axis=0) / count
        deviations = np.sqrt((np.where(there, matrix - means, 0.0) ** 2).sum(axis=0) / count)
        scales = np.where(deviations > 1e-30, 1.0 / np.maximum(deviations, 1e-30), 0.0)
        return cls(means.astype(np.float32), scales.astype(np.float32), start, sizes)

    def __call__(self, matrix: np.ndarray) -> Untyped:
        """Float (N, F) as (N, 2 F + all places), sparse where there are many categories. The graph does the same."""
        from scipy.sparse import csr_array, hstack

        gone = np.isnan(matrix)
        numbers = np.clip(np.where(gone, 0.0, (matrix - self.means) * self.scales), -FARTHEST, FARTHEST)
        rows, dense, hot = np.arange(len(matrix)), np.concatenate([numbers, gone], axis=1), []
        for column, size in enumerate(self.sizes, self.start):
            places = np.clip(np.nan_to_num(matrix[:, column]), 0, size - 1).astype(int)
            hot.append(csr_array((np.ones(len(rows)), (rows, places)), shape=(len(rows), size)))
        if sum(self.sizes) > WIDE:
            return hstack([dense, *hot], format="csr")
        return np.concatenate([dense, *(each.toarray() for each in hot)], axis=1)


class Linear(NamedTuple):
    """Linear scores.

    weights, bias: float (width of an encoded row, K) and (K,), of all records.
    left_out: float (N, K), each record's by a regression that has not seen it, NaN of those that are never left out.
    """

    weights: np.ndarray
    bias: np.ndarray
    left_out: np.ndarray


def fit_linear(committee: Committee, encoding: Encoding) -> Linear | None:
    """Ridge or logistic regression, of the penalty that is best for what the members leave out.

    None where there is too much of it, or where no member leaves anything out.
    """
    if not committee.parts or len(committee.matrix) * (2 * len(encoding.means) + len(encoding.sizes)) > MOST:
        return None
    encoded, lacking = encoding(committee.matrix), None
    if committee.hiding is not None:
        hidden, owners = committee.hiding.copy_of(committee.matrix, committee.seed)
        lacking = encoding(hidden), owners
    ways = [fitted(committee, encoded, None)] + ([] if lacking is None else [fitted(committee, encoded, lacking)])
    if lacking is not None and ways[1][0] > ways[0][0]:  # here columns must be held against one another
        lacking, ways = None, ways[:1]
    _, penalty, left_out = ways[-1]
    every = np.ones(encoded.shape[0], bool)  # what few records say is said best by all of them
    return Linear(*regressed(committee, encoded, every, penalty, lacking), left_out)


def fitted(committee: Committee, encoded: Untyped, lacking: Lacking | None) -> tuple[float, float, np.ndarray]:
    """The best penalty for what the members leave out: how far that is off, the penalty, and the scores, (N, K)."""
    found: list[tuple[float, float, np.ndarray]] = []
    for penalty in PENALTIES:
        left_out = committee.blank()
        for part in committee.parts:
            rows = np.ones(encoded.shape[0], bool)
            rows[part] = False
            weights, bias = regressed(committee, encoded, rows, penalty, lacking)
            left_out[part] = encoded[part] @ weights + bias
        found.append((float(committee.losses(left_out).mean()), penalty, left_out))
    return min(found, key=lambda each: each[0])


def regressed(
    committee: Committee,
    encoded: Untyped,
    rows: np.ndarray,
    penalty: float,
    lacking: Lacking | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The weights (width, K) and bias (K,) of a regression of some of the records.

    Args:
        lacking: records with hidden cells, encoded, and which each is of, see `mmzoo.boosting.hiding`: columns that say
            nearly the same shall not be held against one another, so that the answer is far off without one.
    """
    from scipy.sparse import vstack
    from sklearn.linear_model import LogisticRegression, Ridge

    made: Untyped = LogisticRegression(C=1 / penalty, max_iter=300) if committee.scores else Ridge(penalty)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what does not converge is measured as it is
        seen, labels, counts = encoded[rows], committee.labels[rows], np.ones(int(rows.sum()))
        if lacking is not None and (mine := rows[lacking[1]]).any():
            more, places = lacking[0][mine], lacking[1][mine]
            seen = np.concatenate([seen, more]) if isinstance(seen, np.ndarray) else vstack([seen, more], format="csr")
            labels = np.concatenate([labels, committee.labels[places]])
            counts = np.concatenate([counts, np.full(len(places), HIDDEN)])
        made.fit(seen, labels, sample_weight=counts)
    classes = made.classes_ if committee.scores else np.zeros(1, int)
    both = np.concatenate([np.atleast_2d(made.coef_), np.atleast_1d(made.intercept_)[:, None]], axis=1)
    wide = committee.spread(both.T, classes, missing=0.0)
    wide[-1] = committee.spread(both[:, -1:].T, classes)[0]
    return wide[:-1], wide[-1]


def share_of(committee: Committee, trees: np.ndarray, linear: np.ndarray) -> float:
    """How much of the answer the linear scores are to be, 0 to 1, by what was left out.

    Nothing, unless the answers are better by more than a standard error, record by record.
    """
    alone = committee.losses(trees)
    best, share = 0.0, 0.0
    for step in range(1, STEPS + 1):
        gains = alone - committee.losses(trees + step / STEPS * (linear - trees))
        gain = float(gains.mean())
        if gain > best and gain > gains.std() / np.sqrt(len(gains)):
            best, share = gain, step / STEPS
    return share
