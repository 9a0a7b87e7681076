"""No answer is below 0 where no label is and many are 0: counts, and money that was paid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from keras import ops

import mmzoo
from mmzoo.data.guess import load_named
from mmzoo.data.schema.options import TableName
from mmzoo.errors import MMZooError

RANDOM = np.random.default_rng(0)
PAID = np.where(RANDOM.random(200) < 0.7, 0.0, RANDOM.gamma(1.0, 1000.0, 200).round(2))


@pytest.mark.parametrize(
    ("labels", "lowest"),
    [(PAID, 0.0), (np.abs(RANDOM.normal(size=200)), None), (np.where(PAID > 2000, -1.0, PAID), None)],
)
def test_zeros_without_anything_below_are_a_bound(labels: np.ndarray, lowest: float | None) -> None:
    spec, _ = mmzoo.table_spec({"x": RANDOM.normal(size=200), "y": labels}, "y", task="regression")
    task = spec.tasks[0]
    assert isinstance(task, mmzoo.Regression)
    assert task.lowest == lowest


def test_answers_in_python_and_in_the_graph() -> None:
    task = mmzoo.Regression("y", means=(2.0,), deviations=(4.0,), lowest=0.0)
    logits = np.array([[-3.0], [-0.5], [1.0]], np.float32)
    np.testing.assert_array_equal(task.to_predictions(logits), [[0], [0], [6]])
    np.testing.assert_array_equal(task.to_predictions(ops.convert_to_tensor(logits)), [[0], [0], [6]])
    with pytest.raises(MMZooError, match="The lowest answer of task 'y' must be"):
        mmzoo.Regression("y", lowest=float("nan"))


def test_answers_and_their_ranges(tmp_path: Path) -> None:
    x = RANDOM.normal(size=200)
    loaded = load_named(TableName("", "y"), mmzoo.read_table({"x": x, "y": np.maximum(x - 0.5, 0).round(3)}))
    run = mmzoo.train(loaded.spec, *loaded.splits[:2], training=mmzoo.Training(epochs=1), out=tmp_path / "run")
    run.evaluate(loaded.splits[2], validation=loaded.splits[1])
    rows = run.predict([{"x": value} for value in np.linspace(-3, 3, 30)])
    assert min(row["y_prediction"] for row in rows) >= 0
    assert min(row["y_low"] for row in rows) == 0
