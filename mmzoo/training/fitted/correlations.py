"""Where several inputs say the same of a record: linear canonical correlations.

Hotelling 1936, "Relations between two sets of variates", and for more than two inputs Kettenring 1971, "Canonical
analysis of several sets of variables" (MAXVAR), with ridge penalties (Vinod 1976).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import NamedTuple

import numpy as np

COMPONENTS = 512  # principal components of an input that are looked at: the others are told by few records
SHRINKAGE = 0.5  # of the mean variance of these components, added to the variance of each


def correlations(
    views: Mapping[str, np.ndarray], dim: int, shrinkage: float = SHRINKAGE
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The directions of each input along which the inputs agree, the most reliable ones first.

    For each input the kernel float (D, dim) and the bias float (dim,): `x @ kernel + bias` has mean 0, and each of its
    numbers is weighed by the correlation that it was found with, so that what is chance counts little in a cosine. Of
    two inputs these are their canonical variates. Zeros where there are fewer directions than `dim`.

    Args:
        views: by input, float (N, D) of the same records; rows of NaN where a record has none. A pair of inputs is
            compared by the records that have both.
        dim: how many directions.
        shrinkage: the penalty, see `SHRINKAGE`.
    """
    there = {name: np.isfinite(x).all(axis=1) for name, x in views.items()}
    white = {name: whitening(x[there[name]], shrinkage) for name, x in views.items()}
    scores = {
        name: np.where(there[name][:, None], (x - mean) @ kernel, 0.0)
        for (name, x), (mean, kernel) in zip(views.items(), white.values(), strict=True)
    }
    ends = np.cumsum([0, *(each.shape[1] for each in scores.values())])
    place = {name: slice(*ends[k : k + 2]) for k, name in enumerate(scores)}
    agreed = np.zeros((ends[-1], ends[-1]))
    for one, other in permutations(scores, 2):
        both = max(int((there[one] & there[other]).sum()), 1)
        agreed[place[one], place[other]] = scores[one].T @ scores[other] / both / (len(scores) - 1)
    roots, vectors = np.linalg.eigh(agreed)
    kept = np.argsort(-roots)[: min(dim, int((roots > 0).sum()))]
    found = {}
    for name, (mean, kernel) in white.items():
        whole = np.zeros((len(mean), dim))
        # Two inputs share the length of a direction, so that each has but a half of it.
        whole[:, : len(kept)] = kernel @ vectors[place[name]][:, kept] * roots[kept] * np.sqrt(len(scores))
        found[name] = whole.astype(np.float32), (-mean @ whole).astype(np.float32)
    return found


def whitening(x: np.ndarray, shrinkage: float) -> tuple[np.ndarray, np.ndarray]:
    """The mean (D,) and the matrix (D, K) that takes deviations from it to components of variance 1, but for a penalty.

    Args:
        x: float (N, D).
    """
    mean = x.sum(axis=0, dtype=np.float64) / max(len(x), 1)
    apart = (x - mean) / np.sqrt(max(len(x), 1))
    if len(x) > x.shape[1]:
        variances, axes = np.linalg.eigh(apart.T @ apart)
    else:
        _, values, rows = np.linalg.svd(apart, full_matrices=False)
        variances, axes = np.square(values), rows.T
    order = np.argsort(-variances)[:COMPONENTS]
    order = order[variances[order] > 1e-9 * max(variances.max(initial=0.0), 1e-30)]
    variances, axes = variances[order], axes[:, order]
    return mean, axes / np.sqrt(variances + shrinkage * (variances.mean() if len(order) else 0.0))


class Landmarks(NamedTuple):
    """Some examples, by the nearness to which others are told: a kernel's features (Nyström; Williams & Seeger 2000).

    centre: float32 (D,), the mean of all examples.
    places: float32 (L, D), the examples' deviations from it, each of length 1.
    gamma: of the kernel, `exp(-gamma * squared distance)` between such deviations: one over the median distance.
    root: float (L, K), from a vector's nearness to each of them to components whose products are the kernel's values.
    """

    centre: np.ndarray
    places: np.ndarray
    gamma: float
    root: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, count: int) -> Landmarks:
        """So many of the rows of x, float (N, D), at even distances; all, if there are fewer."""
        centre = (x.sum(axis=0, dtype=np.float64) / max(len(x), 1)).astype(np.float32)
        rows = np.linspace(0, len(x) - 1, min(count, len(x))).round().astype(int)
        places = unit(x[rows] - centre)
        apart = 2.0 - 2.0 * places @ places.T
        gamma = 1.0 / max(float(np.median(apart)) if len(x) else 1.0, 1e-6)
        roots, vectors = np.linalg.eigh(np.exp(-gamma * apart.astype(np.float64)))
        order = np.argsort(-roots)[:COMPONENTS]
        order = order[roots[order] > 1e-4 * max(roots.max(initial=0.0), 1e-30)]
        return cls(centre, places, gamma, vectors[:, order] / np.sqrt(roots[order]))

    def nearness(self, x: np.ndarray) -> np.ndarray:
        """The kernel's values of each row of x, float (N, D), with each landmark, float (N, L)."""
        found: np.ndarray = np.exp(2.0 * self.gamma * (unit(x - self.centre) @ self.places.T - 1.0))
        return found


def unit(x: np.ndarray) -> np.ndarray:
    """Rows of length 1, float32; zeros stay zeros."""
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.maximum(lengths, 1e-6), np.float32)
