"""A table in, a run out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.auto import folds as folds_module
from mmzoo.auto import search as search_module
from mmzoo.auto.folds import Folds, cross_validate
from mmzoo.baselines import fit_baselines
from mmzoo.cli import main, parser
from mmzoo.commands.train import is_steered
from mmzoo.data.guess import load_named
from mmzoo.data.schema.options import TableName
from mmzoo.errors import MMZooError
from mmzoo.training.settings import Training


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


def test_rows_alone_are_given_to_boosted_trees_unless_something_is_set(tmp_path: Path) -> None:
    found = numbers()
    lines = ["a,b,kind", *(f"{a},{b},{kind}" for a, b, kind in zip(*found.values(), strict=True))]
    (tmp_path / "table.csv").write_text("\n".join(lines))
    command = ["train", str(tmp_path / "table.csv"), "--label", "kind", "--out", str(tmp_path / "run")]
    assert main(command) == 0
    assert mmzoo.Tower.of(mmzoo.Run(tmp_path / "run").spec.inputs[0].tower).name == "boosted_trees"
    assert not is_steered(parser().parse_args(command))
    for more in (["--epochs", "2"], ["--set", "dim=8"], ["--budget-minutes", "1"], ["--strategy", "mirrored"]):
        assert is_steered(parser().parse_args([*command, *more]))


def test_fit_takes_columns_in_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    how: dict[str, Any] = {"quality": "fast", "out": tmp_path / "run", "settings": ["training.epochs=2"]}
    run = mmzoo.fit({**numbers(), "size": numbers()["a"]}, ["kind", "size"], minutes=10, **how)
    said = capsys.readouterr().out
    assert "up to 2 epochs" in said
    assert "tabular" in said
    assert str(run.folder / "report.html") in said
    assert run.settings["data"] == ""
    assert (run.folder / "metrics.json").exists()
    answer = run.predict({"row": {"b": 2.0}})
    assert answer["kind"].keys() == {"no", "<b>yes</b>"}
    assert len(answer["size"]) == 1
    assert len(run.records("test")) > 0
    html = run._repr_html_()
    assert "<script" not in html
    assert "<b>" not in html
    assert str(run.folder) in repr(run)


@pytest.mark.long
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
    assert "2 candidates: boosted_trees, row." in said
    assert "is kept" in said
    assert "Report:" in said
    assert (tmp_path / "run" / "candidates.json").exists()


@pytest.mark.long
def test_folds_say_what_the_one_that_is_kept_is_worth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = numbers(60)
    asked = {"quality": "fast", "folds": 3, "settings": ["training.epochs=2"], "out": tmp_path / "run"}
    run = mmzoo.fit(columns, "kind", minutes=60, **asked)
    said = capsys.readouterr().out
    found = json.loads((run.folder / "folds.json").read_text())
    scores = [each["score"] for each in found["folds"]]
    assert [each["records"] for each in found["folds"]] == [20, 20, 20]
    mean, spread = np.mean(scores), np.std(scores, ddof=1)
    half = 4.302653 * spread * np.sqrt(1 / 3 + 1 / 2)  # of Student's t with two degrees of freedom
    np.testing.assert_allclose([found["mean"], *found["interval"]], [mean, mean - half, mean + half], rtol=1e-6)
    assert f"accuracy {mean:.3f}, 95 % interval" in said
    assert "Cross-validation" in (run.folder / "report.html").read_text("utf-8")
    assert not (run.folder / "folds").exists()
    spec = found["asked"]["spec"]
    assert spec["inputs"][0].get("quantiles") in (None, []), "each fold is fitted by itself"
    before = (run.folder / "folds.json").read_bytes()
    mmzoo.fit(columns, "kind", minutes=60, **asked)
    assert (run.folder / "folds.json").read_bytes() == before
    with pytest.raises(MMZooError, match="of other folds"):
        mmzoo.fit(columns, "kind", minutes=60, **{**asked, "folds": 4})


@pytest.mark.long
def test_folds_that_were_killed_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = mmzoo.read_table(numbers(40))
    spec, _, _, folds = load_named(TableName("", "kind"), table, folds=2)
    training = Training(epochs=1, batch_size=8, init_from="elsewhere", methods=["mixup"])
    out, real, begun = tmp_path, folds_module.train_until, []

    def killed(*given: Any, **options: Any) -> Any:
        begun.append((options["out"].name, len(given[2])))
        assert not options["training"].init_from
        if len(begun) == 2:
            (options["out"] / "checkpoints").mkdir(parents=True)
            raise SystemExit("killed")
        return real(*given, **options)

    monkeypatch.setattr(folds_module, "train_until", killed)
    with pytest.raises(SystemExit):
        cross_validate(spec, folds, training=training, folder=out)
    found = cross_validate(spec, folds, training=training, folder=out)
    assert [name for name, _ in begun] == ["1", "2", "2"]
    assert [each.records for each in found.folds] == [len(parts[2]) for parts in folds]
    assert Folds.read(out) == found
    assert {k for parts in folds for k in parts[2].ids} == {*table.ids}
    (out / "folds.json").write_text(json.dumps({"asked": {}, "metric": "m", "count": 1, "folds": [{"score": "x"}]}))
    with pytest.raises(MMZooError, match="damaged"):
        Folds.read(out)


@pytest.mark.long
def test_folds_share_the_time(tmp_path: Path) -> None:
    spec, _, _, folds = load_named(TableName("", "kind"), mmzoo.read_table(numbers(40)), folds=2)
    found = cross_validate(spec, folds, training=Training(epochs=500, batch_size=8), folder=tmp_path, seconds=0.01)
    assert [each.epochs for each in found.folds] == [1, 1], "what there is by then is kept"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--folds", "3"], "name one, and its --label"),
        (["--folds", "3", "--strategy", "workers"], "on one device"),
        (["--folds", "3", "--limit", "3"], "leave out --limit"),
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


def test_folds_are_not_tested_by_what_has_learned_from_them(tmp_path: Path) -> None:
    settings = [f"row.tower.weights=run:{tmp_path}"]
    with pytest.raises(MMZooError, match="may have learned from the records that a fold is tested on"):
        mmzoo.fit(numbers(), "kind", folds=2, settings=settings, out=tmp_path / "run")
