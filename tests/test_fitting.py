"""A table in, a run out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.auto import search as search_module
from mmzoo.baselines import fit_baselines
from mmzoo.cli import main
from mmzoo.errors import MMZooError


@pytest.fixture(autouse=True)
def quick_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The baselines have tests of their own: here only those that take no time."""

    def quick(*given: Any, **options: Any) -> Any:
        return fit_baselines(*given, **{**options, "seconds": 0.0})

    monkeypatch.setattr(search_module, "fit_baselines", quick)


def numbers(count: int = 120) -> dict[str, list[object]]:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, count))
    return {"a": a.tolist(), "b": b.tolist(), "kind": ["<b>yes</b>" if k else "no" for k in a + b > 0]}


def test_fit_takes_columns_in_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = mmzoo.fit(numbers(), "kind", minutes=10, quality="fast", out=tmp_path / "run", settings=["training.epochs=2"])
    said = capsys.readouterr().out
    assert "up to 2 epochs" in said
    assert "tabular" in said
    assert str(run.folder / "report.html") in said
    assert run.settings["data"] == ""
    assert (run.folder / "metrics.json").exists()
    assert run.predict({"row": {"a": 1.0, "b": 2.0}})["kind"].keys() == {"no", "<b>yes</b>"}
    assert len(run.records("test")) > 0
    html = run._repr_html_()
    assert "<script" not in html
    assert "<b>" not in html
    assert str(run.folder) in repr(run)


def test_the_command_does_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = numbers()
    rows = ["a,b,kind", *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    (tmp_path / "table.csv").write_text("\n".join(rows))
    asked = [
        "train", str(tmp_path / "table.csv"), "--label", "kind", "--out", str(tmp_path / "run"),
        "--budget-minutes", "5", "--quality", "fast", "--epochs", "2",
    ]  # fmt: skip
    assert main(asked) == 0
    said = capsys.readouterr().out
    assert "1 candidate" in said
    assert "is kept" in said
    assert "Report:" in said
    assert (tmp_path / "run" / "candidates.json").exists()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--quality", "best"], "--budget-minutes too"),
        (["--budget-minutes", "0"], "above 0"),
        (["--budget-minutes", "1", "--service", "grpc://localhost:1"], "one device"),
    ],
)
def test_what_does_not_go_together(
    asked: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "emoji", "--out", str(tmp_path / "run"), *asked]) == 2
    assert said in capsys.readouterr().err


def test_minutes_are_a_number(tmp_path: Path) -> None:
    with pytest.raises(MMZooError, match="minutes"):
        mmzoo.fit(numbers(), "kind", minutes=0, out=tmp_path / "run")


def test_tensorflow_says_nothing() -> None:
    code = "import mmzoo, tensorflow as tf; tf.zeros(1); print(tf.__spec__.loader)"
    environment = {"PATH": "", "PYTHONPATH": str(Path(mmzoo.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stderr == ""
    assert "SourceFileLoader" in done.stdout
