"""Runs side by side."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import mmzoo
from mmzoo.cli import main
from mmzoo.errors import MMZooError
from mmzoo.evaluation.compare import compare
from tests.conftest import small_records, small_spec, untrained


def run_of(out: Path, **changes: object) -> mmzoo.Run:
    """One of one input, that has learned nothing."""
    return untrained(out, small_spec(**changes).subset(["words"]))


@pytest.mark.long
def test_runs_side_by_side(learned: Path, tmp_path: Path) -> None:
    short, long = run_of(tmp_path / "short"), mmzoo.Run(shutil.copytree(learned, tmp_path / "long"))
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
    other = run_of(tmp_path / "other", tasks=[mmzoo.Ordinal("animal", labels=("cat", "dog", "bird"))])
    with pytest.raises(MMZooError, match="no task in common"):
        compare([short, other], records)
    with pytest.raises(MMZooError, match="at least one run"):
        compare([])
    assert compare([short], records).tables[0].rows[0].gain is None


@pytest.mark.long
def test_models_of_one_modality_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A note and a number that only together tell the label: each by itself is a guess, and the report says so."""
    random = np.random.default_rng(0)
    one, two = random.integers(0, 2, (2, 240))
    rows = []
    for k, (a, b) in enumerate(zip(one, two, strict=True)):
        weight = 2 * b - 1 + random.normal() * 0.1
        rows.append(f"number {k} went {'up' if a else 'down'} again today,{weight:.3f},{'yes' if a ^ b else 'no'}")
    (tmp_path / "things.csv").write_text("\n".join(["note,weight,same", *rows]))
    run = tmp_path / "run"
    kinds = ["--set", "training.modality_dropout=0", "--set", "fusion=tensor"]
    command = ["train", str(tmp_path / "things.csv"), "--label", "same", "--out", str(run), "--epochs", "20", *kinds]
    assert main(command) == 0
    capsys.readouterr()
    for _ in range(2):  # the second time they are there
        assert main(["evaluate", str(run), "--unimodal"]) == 0
        assert "The fused model gains" in capsys.readouterr().out
    unimodal = json.loads((run / "metrics.json").read_text())["unimodal"]
    assert len(unimodal["models"]) == 2
    for each in unimodal["models"].values():
        assert each["metrics"]["accuracy"] < 0.75
        assert each["gain"]["low"] > 0
    assert (run / "report.html").read_text().count("trained alone") >= 4
