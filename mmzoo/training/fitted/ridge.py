"""Kernel ridge regression in closed form, on all records or on landmarks among them.

Saunders et al. 1998, "Ridge regression learning algorithm in dual variables"; with landmarks it is the subset of
regressors of Smola & Schölkopf 2000, "Sparse greedy matrix approximation for machine learning".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Of the penalty, where the kernel of a record with itself is 1."""
JITTER = 1e-6  # of the mean of a diagonal, added to it, so that records that are twice there do no harm


class Ridge(NamedTuple):
    """What was found.

    weights: float32 (L, C), of the kernel's value with each landmark.
    bias: float32 (C,).
    strength: of the penalty, the one of `STRENGTHS` whose errors are least on records that are left out one by one.
    """

    weights: np.ndarray
    bias: np.ndarray
    strength: float


def ridge(near: np.ndarray, rows: np.ndarray, targets: np.ndarray) -> Ridge:
    """The weights whose squared errors and penalty are least.

    Args:
        near: the kernel's values of the records with the landmarks, float (N, L).
        rows: which of the records these are, int (L,).
        targets: float (N, C).
    """
    from scipy.linalg import cho_factor, cho_solve, solve_triangular

    near, bias = near.astype(np.float64), targets.mean(axis=0, dtype=np.float64)
    wanted = targets - bias
    among, product, right = near[rows], near.T @ near, near.T @ wanted
    best: tuple[float, float, np.ndarray] | None = None
    for strength in STRENGTHS:
        matrix = product + strength * (among + among.T) / 2
        matrix[np.diag_indices_from(matrix)] += JITTER * np.trace(matrix) / len(matrix)
        factor = cho_factor(matrix, lower=True)
        weights = cho_solve(factor, right)
        # What a record says of itself (its leverage) is taken away: so it is as if it had not been there.
        own = np.square(solve_triangular(factor[0], near.T, lower=True)).sum(axis=0)
        errors = (wanted - near @ weights) / np.maximum(1.0 - own, 1e-6)[:, None]
        if best is None or np.square(errors).mean() < best[0]:
            best = float(np.square(errors).mean()), strength, weights
    assert best is not None
    return Ridge(best[2].astype(np.float32), bias.astype(np.float32), best[1])
