"""The reckoning of `benchmarks/many_workers.py`, against a ring whose messages are counted one by one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PARTS = {"batch": 32, "bytes": 1 << 20, "layers": 3, "one": [0.1] * 8, "two": [0.11] * 8, "adding": [0.004] * 8}


def ring(workers: int, size: float) -> tuple[int, float]:
    """The turns of a ring that adds up, and the bytes that its first worker sends, by passing parts on until all have
    all."""
    # What each worker has of each part: whose numbers are in it.
    have = [[{worker} for _ in range(workers)] for worker in range(workers)]
    turns, sent = 0, 0.0
    while any(part != {*range(workers)} for parts in have for part in parts):
        moved = [(worker, (worker - turns) % workers) for worker in range(workers)]
        told = {worker: have[worker][part] for worker, part in moved}
        for worker, part in moved:
            have[(worker + 1) % workers][part] = have[(worker + 1) % workers][part] | told[worker]
        turns, sent = turns + 1, sent + size / workers
    return turns, sent


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_the_ring(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    paper = __import__("many_workers").Paper(PARTS, turn=1e-3, network=1e8)
    took = paper.seconds(workers)
    turns, sent = ring(workers, PARTS["bytes"])
    meeting = (0.11 - 0.1 - 0.004) / 6
    assert took["computing"] == pytest.approx(0.1)
    assert took["waiting for the slowest"] == 0.0
    assert took["gradients"] == pytest.approx(meeting + turns * 1e-3 + sent / 1e8)
    assert took["batch normalization"] == pytest.approx(6 * (meeting + turns * 1e-3))
    assert sum(paper.seconds(1, parts=4).values()) == pytest.approx(0.4)
    sys.modules.pop("many_workers")
