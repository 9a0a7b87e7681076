"""The graph of an index of many vectors: nearly as good, and never trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmzoo.index import graph, store
from mmzoo.index.store import Store
from tests.search.index_case import DIM, entries, entry, made, names


@pytest.fixture
def linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An index of 3,000 records for which more than 500 vectors are many; the cache is empty."""
    pytest.importorskip("usearch", reason="needs: pip install 'mmzoo[search]'")
    monkeypatch.setenv("MMZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(store, "EXACT", 500)
    return made(tmp_path, 3000)


def overlap(found: Store, queries: np.ndarray, **options: Any) -> float:
    near, exact = found.nearest(queries, 10, **options), found.nearest(queries, 10, exact=True, **options)
    return float(np.mean([len({*a[1]} & {*b[1]}) / 10 for a, b in zip(near, exact, strict=True)]))


def test_many_vectors_are_found_by_a_graph(linked: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = np.random.default_rng(3).normal(size=(40, DIM))
    assert linked.graph is None
    assert overlap(linked, queries) == 1  # without a graph all are looked at
    assert linked.prepare()
    (kept,) = (linked.folder.parent / "cache" / graph.HOME).iterdir()
    assert kept.stat().st_mode & 0o077 == 0
    again = Store(linked.folder)
    assert again.graph is not None
    assert again.graph.segments == 1
    looked: list[int] = []
    monkeypatch.setattr(store, "best", lambda parts, *rest: looked.append(len(parts)) or graph.best(parts, *rest))
    monkeypatch.setattr(graph, "EXPANSION_SEARCH", 256)
    near, exact = again.nearest(queries, 10), linked.nearest(queries, 10, exact=True)
    assert looked == [1]  # only by the one that was told to
    assert np.mean([len({*a[1]} & {*b[1]}) / 10 for a, b in zip(near, exact, strict=True)]) > 0.95
    for (scores, rows), (right, numbers) in zip(near, exact, strict=True):
        known = dict(zip(numbers.tolist(), right.tolist(), strict=True))
        assert all(
            abs(known[row] - score) < 1e-6 for row, score in zip(rows.tolist(), scores, strict=True) if row in known
        )


def test_what_is_added_and_removed_is_known_beside_the_graph(linked: Store) -> None:
    linked.prepare()
    target = entry("new", 9999)
    linked.add_entries([target])
    assert linked.graph is not None
    assert names(linked, target.vectors["picture"], 1) == ["new"]
    linked.remove(["new", *(f"r{k}" for k in range(1000))])
    found = names(linked, target.vectors["picture"], 50)
    assert not {*found} & {"new", *(f"r{k}" for k in range(1000))}
    assert overlap(linked, np.random.default_rng(4).normal(size=(20, DIM)), among=["picture"]) > 0.95
    linked.add_entries(entries(900, 5000))
    assert linked.graph.segments == 1
    assert linked.prepare()
    assert linked.graph.segments == len(linked.segments)


def test_a_graph_of_somebody_else_is_not_read(linked: Store) -> None:
    """One that others may write into, a link, or a file that is none."""
    linked.prepare()
    (kept,) = (linked.folder.parent / "cache" / graph.HOME).iterdir()
    kept.chmod(0o666)
    assert Store(linked.folder).graph is None
    kept.chmod(0o600)
    assert Store(linked.folder).graph is not None
    kept.rename(kept.with_suffix(".other"))
    kept.symlink_to(kept.with_suffix(".other"))
    assert Store(linked.folder).graph is None
    kept.unlink()
    kept.write_bytes(b"no graph")
    kept.chmod(0o600)
    assert Store(linked.folder).graph is None


def test_without_the_library_or_a_cache_every_vector_is_looked_at(
    linked: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(graph, "find_spec", lambda name: None)
        assert not linked.prepare()
        assert "pip install 'mmzoo[search]'" in caplog.text
    monkeypatch.setenv("MMZOO_CACHE", "")
    assert not linked.prepare()
    assert "set MMZOO_CACHE" in caplog.text
    assert len(names(linked, np.ones(DIM))) == 10
