"""A regression learns the same of its numbers in whatever unit they are written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.inference.calibrate import confidence
from mmzoo.inference.metrics import task_metrics
from mmzoo.inference.subset_predictions import predict_subsets
from mmzoo.training.loss import total_loss
from mmzoo.training.methods.distillation import teacher_answers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(160, 2))
Y = X[:, 0] - 0.5 * X[:, 1] + 0.1 * RNG.normal(size=160)
TRAIN, HELD_OUT = slice(0, 112), slice(112, 160)
UNITS = [(0.0, 1.0), (250_000.0, 80_000.0), (1e9, 1.0), (0.0, 1e-30)]
TASK = mmzoo.Regression("y")
FITTED = mmzoo.Regression("y", means=[250_000.0], deviations=[80_000.0])


def records(labels: Sequence[float | None] | np.ndarray, rows: slice) -> mmzoo.Records:
    row = [{"a": a, "b": b} for a, b in X[rows]]
    return mmzoo.Records({"row": row, "y": list(labels)}, [f"r{k}" for k in range(len(row))])


def spec_of(task: mmzoo.Regression = TASK) -> mmzoo.Spec:
    row = mmzoo.Tabular("row", numbers=["a", "b"], tower=mmzoo.Tower("mlp", hidden=[32], dropout=0.0))
    return mmzoo.Spec([row], "concat", [task], dim=16)


def trained(labels: np.ndarray, out: Path, **changes: Any) -> mmzoo.Run:
    parts = (records(labels[rows], rows) for rows in (TRAIN, HELD_OUT))
    training = mmzoo.Training(**{"epochs": 8, "learning_rate": 0.02, "batch_size": 16, **changes})
    return mmzoo.train(spec_of(), *parts, training=training, out=out)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[mmzoo.Run]:
    """A run for each of `UNITS`."""
    folder = tmp_path_factory.mktemp("units")
    return [trained(shift + scale * Y, folder / str(k)) for k, (shift, scale) in enumerate(UNITS)]


@pytest.mark.long
def test_r2_does_not_know_the_unit(runs: list[mmzoo.Run]) -> None:
    found = []
    for run, (shift, scale) in zip(runs, UNITS, strict=True):
        labels = shift + scale * Y[HELD_OUT]
        answers = predict_subsets(run.model, records(labels, HELD_OUT))
        off = (answers.predictions["row"]["y"][:, 0] - labels) / scale
        found.append(1 - np.mean(off**2) / np.var(Y[HELD_OUT]))
        theirs = task_metrics(run.spec, run.spec.tasks[0], answers.predictions["row"], answers.labels)
        assert theirs["r2"] == pytest.approx(found[-1], abs=1e-4)
        assert theirs["mae"] == pytest.approx(np.abs(off).mean() * scale, rel=1e-4)
        assert run.predict({"row": {"a": 0.3, "b": 1.0}})["y"][0] == pytest.approx(shift, abs=5 * scale)
    assert found[0] > 0.9
    np.testing.assert_allclose(found, found[0], atol=2e-3)


@pytest.mark.long
def test_a_loaded_run_and_its_report_speak_the_unit(runs: list[mmzoo.Run]) -> None:
    run, (shift, scale) = mmzoo.Run(runs[1].folder), UNITS[1]
    held_out = records(shift + scale * Y[HELD_OUT], HELD_OUT)
    data = run.evaluate(held_out, validation=held_out)
    assert data["metrics"]["r2"] > 0.9
    assert 0.02 * scale < data["residuals"][0]["rmse"] < scale
    assert 0.05 * scale < data["conformal"]["half_width"][0] < scale
    record = held_out.columns["row"][0]
    found = run.explain({"row": record}).to_json()
    assert found["output"]["probability"] == pytest.approx(run.predict({"row": record})["y"][0], rel=1e-6)
    gap = found["output"]["probability"] - found["empty"]["probability"]
    assert found["output"]["logit"] - found["empty"]["logit"] == pytest.approx(gap, rel=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("place", [1, 2])
def test_exports_keep_their_limits(runs: list[mmzoo.Run], place: int) -> None:
    """Of a number near 1e9 an export has float32, whose neighbours are 64 apart."""
    shift, scale = UNITS[place]
    held_out = records(shift + scale * Y[HELD_OUT], HELD_OUT)
    rows = [*runs[place].export("saved_model", held_out), *runs[place].export("tflite", held_out)]
    assert {row["variant"] for row in rows} >= {"saved_model", "fp32"}
    assert all(row["max_abs_diff"] <= 1e-5 for row in rows)


def test_statistics_are_those_of_known_training_labels() -> None:
    spec = spec_of().fit(records([3.0, None, 5.0, None], slice(0, 4)))
    task = spec.tasks[0]
    assert (task.means, task.deviations) == ((4.0,), (1.0,))
    assert mmzoo.Spec.from_json(json.loads(str(spec))) == spec
    assert spec.fit(records([9.0, 9.0], slice(0, 2))) == spec, "what is fitted stays"
    two = mmzoo.Regression("y", targets=2).fit(np.array([[1.0, 10.0], [3.0, 30.0]]))
    assert (two.means, two.deviations) == ((2.0, 20.0), (1.0, 10.0))


@pytest.mark.parametrize("value", [0.0, 7.0, -1e30, 1e-30, 1.7e18])
def test_labels_that_are_all_the_same(value: float) -> None:
    for count in (1, 3):
        task = TASK.fit(np.full((count, 1), value))
        assert task.deviations == (1.0,)
        assert task.means[0] == pytest.approx(value, rel=1e-15)
        assert np.asarray(task.loss(np.full((1, 1), value), np.zeros((1, 1), np.float32)))[0] == 0


def test_loss_is_of_deviations_and_exact_beside_large_numbers() -> None:
    labels = 1e9 + Y[:, None]
    task, logits = TASK.fit(labels), RNG.normal(size=(160, 1)).astype(np.float32)
    wanted = ((Y - Y.mean()) / Y.std() - logits[:, 0]) ** 2
    np.testing.assert_allclose(task.loss(tf.constant(labels), tf.constant(logits)), wanted, rtol=1e-4, atol=1e-5)
    huber = replace(FITTED, objective=mmzoo.Objective("huber", delta=0.5))
    off = huber.loss(np.array([[250_000.0 + 2 * 80_000]]), np.zeros((1, 1), np.float32))
    assert float(off[0]) == pytest.approx(0.5 * (2 - 0.25)), "delta is half a deviation"


def test_a_label_that_is_missing_costs_nothing() -> None:
    spec = spec_of(mmzoo.Regression("y", means=[1e30], deviations=[1e-3]))
    labels = {"y": tf.constant([[1e30], [np.nan]], tf.float64)}
    found = total_loss(spec, {"y": tf.ones((2, 1))}, labels, tf.ones((2, 1), tf.bool))
    assert float(found) == pytest.approx(1.0)


def test_answers_of_numpy_are_exact_and_those_of_a_graph_near() -> None:
    task = mmzoo.Regression("y", targets=2, means=[1e9, 0.0], deviations=[1.0, 1e-30])
    logits = np.array([[0.25, 2.0]], np.float32)
    assert task.to_predictions(logits).tolist() == [[1e9 + 0.25, 2e-30]]
    near = np.asarray(task.to_predictions(tf.constant(logits)))
    assert near.dtype == np.float32
    assert task.difference(near, task.to_predictions(logits)).max() < 1e-6
    assert task.difference(near + np.array([200.0, 0.0]), task.to_predictions(logits)).max() > 100


@pytest.mark.slow
def test_a_teacher_of_other_records_is_understood(runs: list[mmzoo.Run]) -> None:
    """Its deviations are others than the learner's; what it says is the same number."""
    few = records(UNITS[1][0] + UNITS[1][1] * Y[HELD_OUT], HELD_OUT)
    learner = spec_of(FITTED)
    found = FITTED.to_predictions(teacher_answers(str(runs[1].folder), learner, few)["y.teacher"])
    wanted = predict_subsets(runs[1].model, few).predictions["row"]["y"]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_fusions_of_answers_weigh_deviations() -> None:
    logits = np.array([[0.5], [-1.0]], np.float32)
    np.testing.assert_array_equal(FITTED.from_opinions(FITTED.to_opinions(logits)), logits)
    np.testing.assert_allclose(FITTED.to_logits(FITTED.to_predictions(logits)), logits, rtol=1e-6)
    labels = 250_000 + 80_000 * logits.astype(float)
    assert confidence(FITTED, labels, logits + 0.5) == pytest.approx(4, rel=1e-4)


@pytest.mark.parametrize("wrong", [np.inf, 1e37, "much", [1.0, 2.0]])
def test_labels_that_are_no_numbers(wrong: Any) -> None:
    with pytest.raises(MMZooError, match="Task 'y' needs 1"):
        TASK.encode(wrong)


@pytest.mark.parametrize(
    ("means", "deviations"), [([1.0], []), ([1.0, 2.0], [1.0, 1.0]), ([0.0], [0.0]), ([np.nan], [1.0]), (["1"], [1.0])]
)
def test_statistics_that_cannot_be(means: Any, deviations: Any) -> None:
    with pytest.raises(MMZooError, match=r"[Tt]ask 'y'"):
        mmzoo.Regression("y", means=means, deviations=deviations)
