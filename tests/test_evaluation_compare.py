"""Runs side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.evaluation.compare import compare
from tests.conftest import small_records, small_spec


def run_of(out: Path, epochs: int, **changes: object) -> mmzoo.Run:
    training = mmzoo.Training(epochs=epochs, batch_size=8, learning_rate=3e-3)
    return mmzoo.train(small_spec(**changes), small_records(60), training=training, out=out)


@pytest.mark.slow
def test_runs_side_by_side(tmp_path: Path) -> None:
    short, long = run_of(tmp_path / "short", 1), run_of(tmp_path / "long", 10, fusion="weighted")
    records = small_records(60, 2)
    found = compare([short, long], records)
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    first, second = data["runs"]
    assert first["against_first"] is None
    difference = second["metrics"]["accuracy"] - first["metrics"]["accuracy"]
    assert second["against_first"]["gain"] == pytest.approx(difference, abs=1e-5)
    assert second["metrics"] == long.evaluate(records)["metrics"]
    lines = found.text().splitlines()
    assert len(lines) == 3
    assert "accuracy" in lines[0]
    found.draw(tmp_path / "found.png")
    assert (tmp_path / "found.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(MMZooError, match="could not be written"):
        found.draw(tmp_path / "no" / "found.png")
    other = run_of(tmp_path / "other", 1, tasks=[mmzoo.Ordinal("animal", labels=("cat", "dog", "bird"))])
    with pytest.raises(MMZooError, match="another first task"):
        compare([short, other], records)
    with pytest.raises(MMZooError, match="at least one run"):
        compare([])
    assert compare([short], records).rows[0].gain is None
