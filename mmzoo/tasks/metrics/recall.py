"""Metrics of search: does what belongs together come first?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

AT = (1, 5, 10)
BLOCK = 1024  # queries that are looked at together


@dataclass(frozen=True)
class Found:
    """What queries have found among candidates.

    Args:
        ranks: the place, from 1, of the best right candidate of each query, int (N,).
        precisions: the average precision of each query, float (N,): the mean over its right candidates of the share of
            right ones down to there.
        rights: how many candidates are right for each query, int (N,).
        candidates: how many there are.
    """

    ranks: np.ndarray
    precisions: np.ndarray
    rights: np.ndarray
    candidates: int

    @property
    def metrics(self) -> dict[str, float]:
        """`recall@k`, the share of queries with a right candidate among the first k, `mrr` (Voorhees 1999), `map`, and
        `median_rank`."""
        shares = {f"recall@{k}": float((self.ranks <= k).mean()) for k in AT}
        more = {"mrr": float((1.0 / self.ranks).mean()), "map": float(self.precisions.mean())}
        return {**shares, **more, "median_rank": float(np.median(self.ranks))}

    @property
    def chance(self) -> dict[str, float]:
        """What `metrics` are expected to be where candidates come in any order; of the average precision nothing."""
        counts, which = np.unique(self.rights, return_inverse=True)
        places = np.arange(1, self.candidates + 1)
        # That the first k places have no right one, k = 0 ... candidates - 1, for so many right ones.
        missed = np.ones((len(counts), self.candidates))
        for row, right in zip(missed, counts, strict=True):
            share = (self.candidates - right - places[:-1] + 1) / (self.candidates - places[:-1] + 1)
            row[1:] = np.cumprod(np.maximum(share, 0.0))
        after = np.concatenate([missed[:, 1:], np.zeros((len(counts), 1))], axis=1)
        first = missed - after  # that the best right one stands at this place
        weights = np.bincount(which, minlength=len(counts)) / len(self.rights)
        at = {f"recall@{k}": float(weights @ first[:, :k].sum(axis=1)) for k in AT}
        spread = np.cumsum(weights @ first)
        return {
            **at,
            "mrr": float(weights @ (first / places).sum(axis=1)),
            "median_rank": float(np.searchsorted(spread, 0.5 - 1e-9) + 1),
        }


def search(queries: np.ndarray, candidates: np.ndarray, held: np.ndarray, *alike: np.ndarray) -> Found:
    """Let each record's query look for its candidate among those of all records; equal ones are one candidate.

    Right is the own candidate, and that of every record which is in the same group of `alike`. Of equal scores the
    wrong ones come first.

    Args:
        queries, candidates: vectors of the same records, float (N, D); the nearer two are, the larger their product.
        held: the groups of records that hold the same candidate, int (N,).
        alike: more groups of records that are right for each other, int (N,); -1 for none.
    """
    _, first, place = np.unique(held, return_index=True, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(first)))
    pieces = []
    for start in range(0, len(queries), BLOCK):
        rows = slice(start, start + BLOCK)
        scores = queries[rows].astype(np.float32) @ candidates[first].astype(np.float32).T
        together = np.zeros((len(scores), len(queries)), bool)
        for group in (held, *alike):
            together |= (group[rows, None] == group[None]) & (group[rows, None] >= 0)
        right = np.logical_or.reduceat(together[:, order], starts, axis=1)
        counts, places = right.sum(axis=1), ranks(scores, right)
        precisions, several = 1.0 / places, counts > 1  # of a single right one it is that, without sorting
        precisions[several] = average_precision(scores[several], right[several])
        pieces.append((places, precisions, counts))
    places, precisions, rights = (np.concatenate(piece) for piece in zip(*pieces, strict=True))
    return Found(places, precisions, rights, len(first))


def ranks(scores: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The place, from 1, of the best right answer to each query, int (N,); of equal scores, the worst place.

    Args:
        scores: float (N, M), higher is closer.
        right: bool (N, M). Each query needs a right answer.
    """
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
    return np.asarray(((scores >= best) & ~right).sum(axis=1) + 1)


def average_precision(scores: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The mean over the right answers to each query of the share of right ones among those down to it, float (N,)."""
    order = np.lexsort((right, -scores), axis=1)
    hits = np.take_along_axis(right, order, axis=1)
    precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    return np.asarray((precision * hits).sum(axis=1) / hits.sum(axis=1))
