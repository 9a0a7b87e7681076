"""Search in an index: recall against looking at every vector, queries a second, bytes a vector, from 10^3 to 10^6.

    python -m benchmarks.search [--counts 1000,10000,100000,1000000] [--dim 128] [--queries 100]

The vectors are made: clusters of one for each 200 vectors, and within them normal noise, so that a query has near
neighbours and others; a query is a vector and noise. Beside each figure stands the simplest thing that could do it:
one product of NumPy with all vectors in float32 in memory, and its largest; the two take turns.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mmzoo.index.card import Card
from mmzoo.index.columns import Entry
from mmzoo.index.store import Store

K = 10
TURNS = 3


def made(count: int, dim: int, seed: int, centres: np.ndarray) -> np.ndarray:
    """Vectors of length 1, float32 (count, dim)."""
    rng = np.random.default_rng(seed)
    found = centres[rng.integers(0, len(centres), count)] + rng.normal(size=(count, dim)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def entries(vectors: np.ndarray) -> Iterator[Entry]:
    return (Entry(str(row), {"image": vector}) for row, vector in enumerate(vectors))


def seconds(ask: Callable[[np.ndarray], object], queries: np.ndarray) -> float:
    """For each query, one at a time."""
    began = time.perf_counter()
    for query in queries:
        ask(query)
    return (time.perf_counter() - began) / len(queries)


def measure(count: int, dim: int, asked: int, dtype: str, folder: Path) -> str:
    """A row of the table."""
    centres = 1.5 * np.random.default_rng(0).normal(size=(max(count // 200, 1), dim)).astype(np.float32)
    vectors = made(count, dim, 1, centres)
    queries = vectors[:: max(count // asked, 1)][:asked]
    queries = queries + 0.05 * np.random.default_rng(2).normal(size=queries.shape).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    card = Card("0" * 32, "0" * 64, "", "", {}, {"image": "image"}, ["image"], dim, dtype)
    began = time.perf_counter()
    store = Store.create(folder / f"{count}-{dtype}", card, entries(vectors))
    written = time.perf_counter() - began
    began = time.perf_counter()
    store.prepare()
    linked = time.perf_counter() - began

    def brute(query: np.ndarray) -> np.ndarray:
        scores = vectors @ query
        near = np.argpartition(-scores, K - 1)[:K]
        return near[np.argsort(-scores[near])]

    fast: list[float] = []
    plain: list[float] = []
    for _ in range(TURNS):
        fast.append(seconds(lambda query: store.nearest(query[None], K), queries))
        plain.append(seconds(brute, queries))
    exact = [brute(query) for query in queries]
    found = [rows for _, rows in store.nearest(queries, K)]
    recall = np.mean([len({*a.tolist()} & {*b.tolist()}) / K for a, b in zip(found, exact, strict=True)])
    scales = 4 if dtype == "int8" else 0
    size = scales + sum(segment.vectors.nbytes for segment in store.segments) / count
    how = "graph" if store.graph is not None else "all"
    return (
        f"| {count:9,} | {dtype:7} | {how:5} | {recall:6.3f} | {1 / min(fast):9,.0f} | {1 / min(plain):9,.0f} | "
        f"{size:5.0f} | {store.bytes / count:5.0f} | {written:6.1f} | {linked:6.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", default="1000,10000,100000,1000000", help="of vectors")
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--queries", type=int, default=100)
    args = parser.parse_args()
    print(
        "| vectors | kept as | looks at | recall@10 | queries/s | NumPy, float32 | bytes a vector | with names "
        "| s to write | s to link |"
    )
    print("|---:|---|---|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as place:
        os.environ["MMZOO_CACHE"] = place
        for count in map(int, args.counts.split(",")):
            for dtype in ("float16", "int8"):
                if dtype == "float16" or count <= 100_000:
                    print(measure(count, args.dim, args.queries, dtype, Path(place)), flush=True)


if __name__ == "__main__":
    main()
