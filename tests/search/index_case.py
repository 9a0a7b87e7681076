"""What the tests of an index share: its card, entries, and what is found by plain NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.index.card import Card
from mmzoo.index.columns import Entry
from mmzoo.index.store import Store

ROOT = Path(__file__).parents[2]
DIM = 16
INPUTS = {"picture": "image", "words": "text"}


def card(dtype: str = "float16", dim: int = DIM) -> Card:
    return Card("0" * 32, "1" * 64, "", "", {}, INPUTS, [*INPUTS], dim, dtype)


def entry(name: str, seed: int, inputs: tuple[str, ...] = ("picture", "words")) -> Entry:
    rng = np.random.default_rng(seed)
    vectors = {each: rng.normal(size=DIM).astype(np.float32) for each in inputs}
    return Entry(name, vectors, {"words": {"text": f"text of {name}"}}, {"picture": name.encode()})


def entries(count: int, first: int = 0) -> list[Entry]:
    """Every third one has no picture."""
    return [entry(f"r{k}", k, ("words",) if k % 3 == 0 else ("picture", "words")) for k in range(first, first + count)]


def made(folder: Path, count: int = 40, dtype: str = "float16") -> Store:
    return Store.create(folder / "index", card(dtype), entries(count))


def names(found: Store, query: np.ndarray, k: int = 10, **options: Any) -> list[str]:
    ((scores, rows),) = found.nearest(query[None], k, **options)
    assert list(scores) == sorted(scores, reverse=True)
    return [found.vectors.found(*pair).id for pair in zip(scores, rows.tolist(), strict=True)]


def wanted(there: list[Entry], query: np.ndarray, inputs: tuple[str, ...] = ("picture", "words")) -> list[str]:
    """By the definition of cosine similarity, in float64; of a record the nearest of its vectors counts."""

    def score(each: Entry) -> float:
        found = [np.float64(each.vectors[name]) for name in inputs if name in each.vectors]
        return max((v @ query / np.linalg.norm(v) / np.linalg.norm(query) for v in found), default=-np.inf)

    return [each.id for each in sorted(there, key=score, reverse=True) if score(each) > -np.inf]


def group(number: int) -> list[Entry]:
    return [entry(f"{number}/{k}", 5 * number + k) for k in range(5)]
