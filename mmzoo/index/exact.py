"""The nearest vectors, by looking at every one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmzoo.errors import require
from mmzoo.index.segments import AGAIN, Segment, as_float

ROWS, QUERIES = 32_768, 64
"""Vectors and queries that are multiplied at a time: what comes of it fits into a processor's cache or nearly so."""
KEPT = 100_000
"""Up to so many vectors stay in memory as float32 for the next query: to widen them takes NumPy eight times as long as
to multiply them."""


@dataclass(frozen=True)
class Part:
    """A segment, and which of its rows may be found.

    Args:
        first: the number of its first row in the index; records are counted alike.
        live: bool (R,); None for all.
    """

    segment: Segment
    first: int
    first_record: int
    live: np.ndarray | None


def best(parts: Sequence[Part], queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The cosine similarities and the numbers of the rows nearest to each query, the nearest first.

    Args:
        queries: float32 (Q, dim), of length 1.
        count: how many rows a query, at most.

    Returns float32 and int64 (Q, count); -inf and -1 where there are no more. Of equal ones the first row counts more.

    Raises:
        MMZooError: a vector of a segment is not finite.
    """
    scores = np.full((len(queries), count), -np.inf, np.float32)
    rows = np.full((len(queries), count), -1, np.int64)
    kept = sum(len(part.segment.record) for part in parts) <= KEPT
    for part in parts:
        for start in range(0, len(part.segment.record), ROWS):
            chosen = slice(start, min(start + ROWS, len(part.segment.record)))
            block = part.segment.floats[chosen] if kept else as_float(part.segment, chosen)
            live = None if part.live is None else part.live[chosen]
            if live is not None and not live.any():
                continue
            for first in range(0, len(queries), QUERIES):
                asked = slice(first, first + QUERIES)
                with np.errstate(invalid="ignore", over="ignore"):
                    found = queries[asked] @ block.T
                check_finite(found, part.segment)
                if live is not None:
                    found[:, ~live] = -np.inf
                for place, each in enumerate(found, start=first):
                    merge(scores[place], rows[place], each, part.first + start)
    return scores, rows


def merge(scores: np.ndarray, rows: np.ndarray, found: np.ndarray, first: int) -> None:
    """Put what is nearer into the sorted `scores` (count,) and `rows`.

    Args:
        found: the scores of the rows from `first` on.
    """
    count = len(scores)
    near = found > scores[-1]
    if near.sum() > count:  # the count-th largest tells the others, and of those equal to it the first are taken
        least = np.partition(found, len(found) - count)[len(found) - count]
        near = found >= least
    places = np.flatnonzero(near)
    if not len(places):
        return
    every, numbers = np.concatenate([scores, found[places]]), np.concatenate([rows, first + places])
    order = np.argsort(-every, kind="stable")[:count]
    scores[:], rows[:] = every[order], numbers[order]


def check_finite(scores: np.ndarray, segment: Segment) -> None:
    """Raise where a vector of a segment has numbers that are not finite."""
    require(np.isfinite(scores).all(), f"'{segment.path}' has vectors that are not finite; {AGAIN}.")


def distinct(scores: np.ndarray, rows: np.ndarray, records: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `k` rows of one query that are of different records, without those that are none.

    Args:
        scores, rows: as `best` has them, of one query.
        records: the number of the record of each row.
    """
    there = rows >= 0
    scores, rows, records = scores[there], rows[there], records[there]
    _, firsts = np.unique(records, return_index=True)
    chosen = np.sort(firsts)[:k]
    return scores[chosen], rows[chosen]
