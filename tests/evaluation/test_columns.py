"""Which columns of a row matter is found by shuffling them, and stands in the verdict of a model of one input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mmzoo
from mmzoo.data.guess import load_named
from mmzoo.data.schema.options import TableName
from mmzoo.evaluation.evaluate import evaluate, verdict_of
from mmzoo.run import Run

RANDOM = np.random.default_rng(0)
COUNT = 300
STRONG, WEAK, NOISE = RANDOM.normal(size=(3, COUNT))
SHOP = RANDOM.choice(["north", "south"], COUNT)
TABLE = {
    "strong": STRONG.tolist(),
    "weak": WEAK.tolist(),
    "noise": NOISE.tolist(),
    "shop": SHOP.tolist(),
    "y": (10 * STRONG + 2 * WEAK + 4 * (SHOP == "north")).tolist(),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Boosted trees fitted to a line of two numbers and a category."""
    loaded = load_named(TableName("", "y"), mmzoo.read_table(TABLE))
    spec = loaded.spec
    (row,) = spec.inputs
    spec = mmzoo.Spec([replace(row, tower=mmzoo.Tower("boosted_trees", trees=100))], "decision_mean", spec.tasks)
    train, validation, test = loaded.splits
    settings = mmzoo.Training(epochs=1)
    run = mmzoo.train(spec, train, validation, training=settings, out=tmp_path_factory.mktemp("run") / "run")
    run.keep_splits(loaded.splits)
    run.evaluate(test, baselines=True)
    return run


def test_the_order_is_that_of_the_line_and_the_sizes_are_its_own(run: Run) -> None:
    found = evaluate(run.model, run.records("train")).found["y"]["columns"]
    assert [each["column"] for each in found["columns"]] == ["strong", "weak", "shop", "noise"]
    by_name = {each["column"]: each for each in found["columns"]}
    # Two draws of a normal distribution differ by 2 / sqrt(pi) of its deviation on average, two of a coin by 1 / 2.
    for name, expected in (("strong", 10 * 1.128), ("weak", 2 * 1.128), ("shop", 4 / 2)):
        assert by_name[name]["lost"] == pytest.approx(expected, rel=0.25)
    for each in by_name.values():
        assert each["low"] <= each["lost"] <= each["high"]
    assert by_name["noise"]["lost"] < 0.1 * by_name["weak"]["lost"]


def test_the_verdict_and_the_report(run: Run) -> None:
    data = evaluate(run.model, run.records("test")).to_json()
    said = verdict_of(data)
    assert said.startswith("The model reads one input, row: mae ")
    assert "It loses most without strong (" in said
    assert "mmzoo evaluate RUN --baselines" in said, "else nobody knows what the figure is worth"
    page = Path(run.results / "report.html").read_text("utf-8")
    assert "permutation importance" in page and "nothing to fuse" not in page
    assert "The best baseline, " in page and "It loses most without strong (" in page


def test_too_few_records_and_other_inputs(run: Run) -> None:
    assert "too few" in evaluate(run.model, run.records("test").take(5)).found["y"]["columns"]["reason"]


def test_where_nearly_all_records_have_one_label(tmp_path: Path) -> None:
    """Accuracy sees no column then, and is what a constant has: the likelihood of the labels sees it."""
    random = np.random.default_rng(1)
    x, noise = random.normal(size=(2, 400))
    rare = np.where(x + 0.3 * random.normal(size=400) > 1.9, "fraud", "fine")
    loaded = load_named(TableName("", "y"), mmzoo.read_table({"x": x, "noise": noise, "y": rare}))
    (row,) = loaded.spec.inputs
    trees = replace(row, tower=mmzoo.Tower("boosted_trees", trees=50))
    spec = mmzoo.Spec([trees], "decision_mean", loaded.spec.tasks)
    train, validation, test = loaded.splits
    run = mmzoo.train(spec, train, validation, training=mmzoo.Training(epochs=1), out=tmp_path / "run")
    run.keep_splits(loaded.splits)
    found = run.evaluate(test)
    columns = found["columns"]
    assert columns["metric"] == "log_likelihood"
    assert [each["column"] for each in columns["columns"]] == ["x", "noise"]
    share = np.mean([label == "fine" for label in test.column("y")])
    assert share > 0.9
    assert f"Whoever always says 'fine' has accuracy {share:.3f} on these records; average precision " in verdict_of(
        found
    )
