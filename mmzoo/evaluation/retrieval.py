"""Metrics of search: does what belongs together come first?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def ranks(scores: np.ndarray, right: np.ndarray | None = None) -> np.ndarray:
    """The place, from 1, of the best right answer to each query, int (N,); of equal scores, the worst place.

    Args:
        scores: float (N, M), higher is closer.
        right: bool (N, M); the diagonal, if not given. Each query needs a right answer.
    """
    right = np.eye(*scores.shape, dtype=bool) if right is None else right
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
    return np.asarray(((scores >= best) & ~right).sum(axis=1) + 1)


def retrieval(scores: np.ndarray, right: np.ndarray | None = None, at: Sequence[int] = (1, 5, 10)) -> dict[str, float]:
    """`recall@k`, the share of queries with a right answer among the first k, `mrr` (Voorhees 1999), `median_rank`."""
    found = ranks(scores, right)
    shares = {f"recall@{k}": float((found <= k).mean()) for k in at}
    return {**shares, "mrr": float((1.0 / found).mean()), "median_rank": float(np.median(found))}
