"""The linear part of what is fitted to the rows of a table, beside boosted trees: what is a line needs few records."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from mmzoo.boosting.committee import Committee

LEVELS = 32  # places of a category that have a weight of their own: the most frequent
FARTHEST = 3.0  # deviations from the mean; a number further away is as good as this far
PENALTIES = (1.0, 10.0, 100.0)
MOST = 2 * 10**7  # numbers of the encoded records: more of them can well be left to the trees
STEPS = 10  # of the share of the linear scores


class Encoding(NamedTuple):
    """How a row becomes what is linear: each number's deviation, is it missing, and each place of a category.

    means, scales: float32 (F,), of the columns; a scale is one over a deviation.
    start, stop: the columns of categories.
    """

    means: np.ndarray
    scales: np.ndarray
    start: int
    stop: int

    @classmethod
    def of(cls, matrix: np.ndarray, start: int, stop: int) -> Encoding:
        """That of the training records, float (N, F)."""
        there = ~np.isnan(matrix)
        count = np.maximum(there.sum(axis=0), 1)
        means = np.where(there, matrix, 0.0).sum(axis=0) / count
        deviations = np.sqrt((np.where(there, matrix - means, 0.0) ** 2).sum(axis=0) / count)
        scales = np.where(deviations > 1e-30, 1.0 / np.maximum(deviations, 1e-30), 0.0)
        return cls(means.astype(np.float32), scales.astype(np.float32), start, stop)

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        """Float (N, F) as float (N, 2 F + LEVELS for each category). The graph does the same."""
        gone = np.isnan(matrix)
        numbers = np.clip(np.where(gone, 0.0, (matrix - self.means) * self.scales), -FARTHEST, FARTHEST)
        hot = matrix[:, self.start : self.stop, None] == np.arange(LEVELS)
        return np.concatenate([numbers, gone, hot.reshape(len(matrix), -1)], axis=1)


class Linear(NamedTuple):
    """Linear scores.

    weights, bias: float (2 F + ..., K) and (K,), the mean of the members' own.
    left_out: float (N, K), each record's by the member that has not seen it, NaN of those that all have seen.
    """

    weights: np.ndarray
    bias: np.ndarray
    left_out: np.ndarray


def fit_linear(committee: Committee, encoding: Encoding) -> Linear | None:
    """Ridge or logistic regression of each member, of the penalty that is best for what they leave out.

    None where there is too much of it, or where no member leaves anything out.
    """
    from sklearn.linear_model import LogisticRegression, Ridge

    encoded = encoding(committee.matrix)
    if not committee.parts or encoded.size > MOST:
        return None
    found: list[tuple[float, Linear]] = []
    for penalty in PENALTIES:
        weights, biases, left_out = [], [], committee.blank()
        for part in committee.parts:
            rows = np.ones(len(encoded), bool)
            rows[part] = False
            made: LogisticRegression | Ridge = (
                LogisticRegression(C=1 / penalty, max_iter=300) if committee.scores else Ridge(penalty)
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what does not converge is measured as it is
                made.fit(encoded[rows], committee.labels[rows])
            classes = made.classes_ if committee.scores else np.zeros(1, int)
            both = np.concatenate([np.atleast_2d(made.coef_), np.atleast_1d(made.intercept_)[:, None]], axis=1)
            wide = committee.spread(both.T, classes, missing=0.0)
            wide[-1] = committee.spread(both[:, -1:].T, classes)[0]
            weights.append(wide[:-1])
            biases.append(wide[-1])
            left_out[part] = encoded[part] @ wide[:-1] + wide[-1]
        linear = Linear(np.mean(weights, axis=0), np.mean(biases, axis=0), left_out)
        found.append((committee.losses(left_out).mean(), linear))
    return min(found, key=lambda pair: pair[0])[1]


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
