"""A graph by which the nearest of many vectors are found without looking at all (HNSW, Malkov & Yashunin 2018).

It can be had again from the vectors, so it is no part of an index but kept in the cache of this machine: what reads
such a file believes every number in it, so nobody else may have written it.
"""

from __future__ import annotations

import hashlib
import logging
import stat
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mmzoo.aliases import Untyped
from mmzoo.errors import MMZooError
from mmzoo.files import cache, name_beside
from mmzoo.index.exact import Part, best, check_finite
from mmzoo.index.segments import as_float

CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH = 16, 64, 256
"""Neighbours of a vector, and how many are looked at when one is put in and when one is looked for."""
MORE = 4
"""So many times as many as are wanted are looked for: their 8 bits tell which are near, the index's own which are
nearest."""
MOST = 4096
"""Where more would have to be looked for, every vector is looked at."""
TOGETHER = 65_536
"""Vectors that are put in at a time."""
HOME = "index"


class Graph:
    """A graph over the first segments of an index.

    segments: of how many.
    """

    def __init__(self, graph: Untyped, segments: int) -> None:
        self._graph, self.segments = graph, segments

    @classmethod
    def find(cls, index: str, parts: Sequence[Part], dim: int) -> Graph | None:
        """The one in the cache that is over the most of the first segments; None where there is none."""
        folder = home()
        if folder is None or find_spec("usearch") is None:
            return None
        for count in range(len(parts), 0, -1):
            path = folder / file_of(index, parts[:count])
            if not cache.is_own(path, stat.S_ISREG):
                continue
            graph = empty(dim)
            try:
                graph.view(str(path))
            except (OSError, RuntimeError, ValueError):  # of another version of usearch
                continue
            if len(graph) == sum(len(part.segment.record) for part in parts[:count]):
                return cls(graph, count)
        return None

    @classmethod
    def make(cls, index: str, parts: Sequence[Part], dim: int) -> Graph | None:
        """One over all segments, from the one that is there if there is one; kept in the cache.

        None where usearch is not installed or there is no cache; a note says so.
        """
        folder, logger = home(), logging.getLogger("mmzoo")
        if find_spec("usearch") is None or folder is None:
            remedy = "pip install 'mmzoo[search]'" if folder is not None else "set MMZOO_CACHE to a folder"
            logger.warning(f"Every vector is looked at in each search, since there is no graph of them; {remedy}.")
            return None
        before = cls.find(index, parts, dim)
        if before is not None and before.segments == len(parts):
            return before
        graph, known = empty(dim), 0
        if before is not None:
            graph.load(str(folder / file_of(index, parts[: before.segments])))
            known = before.segments
        total = sum(len(part.segment.record) for part in parts[known:])
        with tqdm(total=total, desc="linking vectors", unit="vector", disable=None, leave=False, delay=2.0) as bar:
            for part in parts[known:]:
                for start in range(0, len(part.segment.record), TOGETHER):
                    vectors = as_float(part.segment, slice(start, start + TOGETHER))
                    check_finite(vectors, part.segment)
                    graph.add(np.arange(start, start + len(vectors)) + part.first, vectors)
                    bar.update(len(vectors))
        path, beside = folder / file_of(index, parts), folder / name_beside()
        try:
            graph.save(str(beside))
            beside.chmod(0o600)
            beside.replace(path)
        except (OSError, RuntimeError) as error:
            with suppress(OSError):
                beside.unlink()
            logger.warning(f"The graph of the index could not be kept in '{folder}' ({error}); free some space.")
        for old in folder.glob(f"{index}-*.usearch"):
            if old != path:
                with suppress(OSError):
                    old.unlink()
        return cls(graph, len(parts))

    def best(self, parts: Sequence[Part], queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """As `mmzoo.index.exact.best` over the segments that it has, but for a few that are missed."""
        parts = parts[: self.segments]
        total = sum(len(part.segment.record) for part in parts)
        there = sum(len(part.segment.record) if part.live is None else int(part.live.sum()) for part in parts)
        wanted = int(np.ceil(MORE * count * total / max(there, 1)))
        if wanted > min(MOST, total):
            return best(parts, queries, count)
        self._graph.expansion_search = max(EXPANSION_SEARCH, wanted)
        keys = self._graph.search(queries, wanted).keys.reshape(len(queries), -1).astype(np.int64)
        scores = np.full((len(queries), count), -np.inf, np.float32)
        rows = np.full((len(queries), count), -1, np.int64)
        for place, (query, near) in enumerate(zip(queries, keys, strict=True)):
            found, kept = rescored(parts, query, np.sort(near[(near >= 0) & (near < total)]))
            if len(found) < min(count, there):  # what was removed, or is of other inputs, stood before the rest
                each = best(parts, query[None], count)
                scores[place], rows[place] = each[0][0], each[1][0]
                continue
            order = np.argsort(-found, kind="stable")[:count]
            scores[place, : len(order)], rows[place, : len(order)] = found[order], kept[order]
        return scores, rows


def rescored(parts: Sequence[Part], query: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The similarities of some rows by the index's own vectors, and the rows: those that are there."""
    scores, rows = [np.zeros(0, np.float32)], [np.zeros(0, np.int64)]
    for part in parts:
        within = near[(near >= part.first) & (near < part.first + len(part.segment.record))] - part.first
        within = within if part.live is None else within[part.live[within]]
        if len(within):
            scores.append(as_float(part.segment, within) @ query)
            check_finite(scores[-1], part.segment)
            rows.append(within + part.first)
    return np.concatenate(scores), np.concatenate(rows)


def empty(dim: int) -> Untyped:
    """A graph of nothing."""
    from usearch.index import Index

    return Index(
        ndim=dim,
        metric="cos",
        dtype="i8",
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD,
        expansion_search=EXPANSION_SEARCH,
    )


def home() -> Path | None:
    """The folder of graphs in the cache, made if it is not there; None where there is none that is the user's own."""
    place = cache.folder()
    if place is None:
        return None
    try:
        cache.claim(place)
        cache.claim(place / HOME, links=False)
    except MMZooError:
        return None
    return place / HOME


def file_of(index: str, parts: Sequence[Part]) -> str:
    """What the graph over some segments is called."""
    names = " ".join(part.segment.name for part in parts)
    return f"{index}-{hashlib.sha256(names.encode()).hexdigest()[:32]}.usearch"
