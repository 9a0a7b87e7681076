"""Objectives: their formulae against NumPy in float64, and the problems that each of them is for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, log_softmax, softmax
from sklearn.metrics import balanced_accuracy_score, f1_score

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.objectives import objectives
from mmzoo.training.loss import total_loss
from tests.conftest import small_records, small_spec

PRIORS = np.array([0.7, 0.2, 0.1])
OPTIONS: dict[str, dict[str, float]] = {
    "focal": {"gamma": 1.5},
    "logit_adjusted": {"tau": 1.3},
    "generalized_cross_entropy": {"q": 0.4},
    "symmetric_cross_entropy": {"alpha": 0.3, "beta": 0.8},
}


def wanted(name: str, t: np.ndarray, p: np.ndarray, priors: np.ndarray) -> np.ndarray:
    """The objective of targets and probabilities (..., C) as the papers write it."""
    o = OPTIONS.get(name, {})
    if name == "cross_entropy":
        each = -t * np.log(p)
    elif name == "brier":
        each = (t - p) ** 2
    elif name == "focal":
        each = -t * (1 - p) ** o["gamma"] * np.log(p)
    elif name == "logit_adjusted":
        q = p * priors ** o["tau"]
        each = -t * np.log(q / q.sum(-1, keepdims=True))
    elif name == "generalized_cross_entropy":
        each = t * (1 - p ** o["q"]) / o["q"]
    else:
        log_t = np.full_like(t, -4.0)
        np.log(t, out=log_t, where=t > 0)
        each = -o["alpha"] * t * np.log(p) - o["beta"] * p * np.maximum(log_t, -4.0)
    return each.sum(-1)


EVERYWHERE = objectives.names(reads="log_probs")  # also of yes or no


@pytest.mark.parametrize("name", EVERYWHERE)
def test_formulae(name: str) -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(40, 3)) * 3, rng.integers(0, 3, 40)
    chosen: dict[str, Any] = {"objective": mmzoo.Objective(name, **OPTIONS.get(name, {}))}
    fitted = objectives.facts(name).get("needs") == "priors"

    def check(task: Any, labels: np.ndarray, targets: np.ndarray, log_probs: np.ndarray, priors: np.ndarray) -> None:
        found = task.loss(tf.constant(labels), tf.constant(logits[:, : task.units], tf.float32))
        expected = wanted(name, targets, log_probs, priors)
        np.testing.assert_allclose(found, expected.mean(1) if expected.ndim > 1 else expected, rtol=1e-4, atol=1e-5)

    priors = {"priors": tuple(PRIORS)} if fitted else {}
    one = mmzoo.Classification("kind", labels=("a", "b", "c"), smoothing=0.1, **chosen, **priors)
    check(one, labels, np.eye(3)[labels] * 0.9 + 0.1 / 3, softmax(logits, axis=1), PRIORS)

    yes, binary = expit(logits), (labels > 0).astype(np.int32)
    pair = np.stack([1 - PRIORS, PRIORS], -1)
    task = mmzoo.Binary("sick", **chosen, **({"priors": (0.7,)} if fitted else {}))
    check(task, binary, np.eye(2)[binary], np.stack([1 - yes, yes], -1)[:, 0], pair[0])

    tags = np.eye(3, dtype=np.float32)[labels]
    task = mmzoo.MultiLabel("tags", labels=("a", "b", "c"), **chosen, **priors)
    check(task, tags, np.stack([1 - tags, tags], -1), np.stack([1 - yes, yes], -1), pair)


@pytest.mark.parametrize("name", EVERYWHERE)
def test_extreme_logits_have_finite_losses_and_gradients(name: str) -> None:
    priors = (0.7, 0.2, 0.1) if objectives.facts(name).get("needs") else ()
    task = mmzoo.Classification("kind", labels=("a", "b", "c"), objective=name, priors=priors)
    logits = tf.Variable([[80.0, -80.0, 0.0], [-80.0, 80.0, 0.0], [0.0, 0.0, 0.0]])
    with tf.GradientTape() as tape:
        loss = task.loss(tf.constant([0, 0, 0]), logits)
    assert np.isfinite(loss).all()
    assert np.isfinite(tape.gradient(loss, logits)).all()


@pytest.mark.parametrize("name", EVERYWHERE)
def test_missing_labels_count_for_nothing(name: str) -> None:
    tasks = [
        mmzoo.Classification("kind", labels=("a", "b", "c"), objective=name, auxiliary=0.5),
        mmzoo.MultiLabel("tags", labels=("a", "b"), objective=name),
    ]
    tasks = [
        task.fit(np.array(labels)) if task.unfitted else task
        for task, labels in zip(tasks, ([0, 0, 1, -1], [[1.0, 0.0], [1.0, 1.0]]), strict=True)
    ]
    spec, rng = small_spec(tasks=tasks), np.random.default_rng(1)
    names = {"kind": 3, "tags": 2, "kind.picture": 3, "kind.words": 3, "kind.sound": 3}
    outputs = {key: tf.Variable(rng.normal(size=(3, units)), dtype=tf.float32) for key, units in names.items()}
    labels = {"kind": tf.constant([0, -1, 2]), "tags": tf.constant([[np.nan, np.nan], [1.0, 0.0], [np.nan, np.nan]])}
    present = tf.constant([[True, True, False], [True] * 3, [True] * 3])
    with tf.GradientTape() as tape:
        loss = total_loss(spec, outputs, labels, present)
    slopes = {key: np.asarray(slope) for key, slope in tape.gradient(loss, outputs).items()}
    assert np.isfinite(loss)
    assert not slopes["kind"][1].any() and not slopes["tags"][[0, 2]].any() and not slopes["kind.sound"][0].any()
    assert slopes["kind"][0].any() and slopes["tags"][1].any() and slopes["kind.sound"][2].any()


def test_priors_are_learnt_once_and_go_with_the_spec() -> None:
    task = mmzoo.Classification("animal", labels=("cat", "dog", "bird"), objective="logit_adjusted")
    records = mmzoo.Records({"words": ["x"] * 9, "animal": ["cat"] * 5 + ["dog"] * 2 + [None, ""], "tags": [["a"]] * 9})
    tags = mmzoo.MultiLabel("tags", labels=("a", "b"), objective="logit_adjusted")
    spec = small_spec(tasks=[task, tags]).subset(["words"])
    with pytest.raises(MMZooError, match=r"spec.fit\(records\)"):
        task.loss(tf.constant([0]), tf.zeros((1, 3)))
    fitted = spec.fit(records)
    np.testing.assert_allclose(fitted.tasks[0].priors, np.array([6, 3, 1]) / 10)
    np.testing.assert_allclose(fitted.tasks[1].priors, np.array([10, 1]) / 11)
    assert mmzoo.Spec.from_json(fitted.to_json()) == fitted
    assert fitted.fit(records.take(5)) == fitted
    plain = small_spec(tasks=[mmzoo.Classification("animal", labels=("cat", "dog", "bird"))]).subset(["words"])
    assert plain.fit(records).tasks == plain.tasks


def test_a_run_keeps_its_priors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = mmzoo.Classification("animal", labels=("cat", "dog", "bird"), objective="logit_adjusted")
    spec, records = small_spec(tasks=[task]).subset(["words"]), small_records(12)
    training = mmzoo.Training(epochs=1, batch_size=4)
    run = mmzoo.train(spec, records, records.take(6), training=training, out=tmp_path / "run")
    assert run.spec.tasks[0].priors == spec.fit(records).tasks[0].priors != ()
    mmzoo.train(spec, records, records.take(6), training=training, out=tmp_path / "run")
    assert "trained already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": "fokal"}, "Did you mean 'focal'"),
        ({"objective": mmzoo.Objective("focal", beta=1)}, "option of objective 'focal' called 'beta'"),
        ({"objective": mmzoo.Objective("focal", gamma=-1)}, "'gamma' of objective 'focal' must be a number"),
        ({"priors": (0.5, 0.5)}, "a prior for each"),
        ({"priors": (0.0, 0.5, 0.5)}, "prior of task 'kind'"),
        (
            {"objective": "huber"},
            "'huber' reads numbers, which task 'kind' of kind 'classification' does not",
        ),
    ],
)
def test_bad_objectives(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(MMZooError, match=message):
        mmzoo.Classification("kind", labels=("a", "b", "c"), **changes)


def test_what_does_not_fit_a_task() -> None:
    """Numbers are no probabilities, and only a classification weighs evidence."""
    assert objectives.names(reads="numbers") == ["huber", "mae", "mse"]
    with pytest.raises(MMZooError, match=r"reads log probs, which task 'age' .* there are: huber, mae, mse"):
        mmzoo.Regression("age", objective="brier")
    with pytest.raises(MMZooError, match="reads concentrations"):
        mmzoo.Ordinal("pain", labels=("none", "some"), objective="evidential")


def test_an_ordinal_with_priors() -> None:
    """The questions of an ordinal task have priors of their own: of those who got to a step, who went on."""
    task = mmzoo.Ordinal("pain", labels=("none", "some", "much"), objective="logit_adjusted")
    fitted = task.fit(np.array([0, 0, 1, 1, 1, 2, -1]))
    np.testing.assert_allclose(fitted.priors, [(4 + 1) / (6 + 2), (1 + 1) / (4 + 2)])
    # With even logits what is left is the prior: of label 1 the first step was gone, the second was not.
    found = fitted.loss(tf.constant([1]), tf.zeros((1, 2)))
    np.testing.assert_allclose(found, [-(np.log(5 / 8) + np.log(1 - 2 / 6)) / 2], rtol=1e-5)


def fitted_logits(
    task: Any, x: np.ndarray, y: np.ndarray, test: np.ndarray, steps: int = 400, rate: float = 1.0
) -> np.ndarray:
    """Logits for `test` of a linear model that gradient descent has fitted to (x, y)."""
    inputs, labels = tf.constant(x, tf.float32), tf.constant(y, tf.int32)
    w, b = tf.Variable(tf.zeros((x.shape[1], task.units))), tf.Variable(tf.zeros(task.units))

    @tf.function
    def descend() -> None:
        for _ in tf.range(steps):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(task.loss(labels, inputs @ w + b))
            for variable, slope in zip((w, b), tape.gradient(loss, [w, b]), strict=True):
                variable.assign_sub(rate * slope)

    descend()
    return np.asarray(test @ w.numpy() + b.numpy())


def pair(objective: Any, labels: np.ndarray) -> Any:
    task = mmzoo.Classification("kind", labels=("common", "rare"), objective=objective)
    return task.fit(labels) if task.unfitted else task


def test_logit_adjusted_is_right_for_equal_shares() -> None:
    """Two normal distributions 2 apart, one of them twenty times rarer; half-way between is best for equal shares."""
    rng = np.random.default_rng(0)
    y = (np.arange(4000) % 20 == 0).astype(int)
    x = rng.normal(size=(4000, 1)) + 2.0 * y[:, None]
    test_y = np.arange(20000) % 2
    test = rng.normal(size=(20000, 1)) + 2.0 * test_y[:, None]
    score = {
        name: balanced_accuracy_score(test_y, fitted_logits(pair(name, y), x, y, test).argmax(1))
        for name in ("cross_entropy", "logit_adjusted")
    }
    # Phi(1) is the best there is; at the plain threshold of 1 + log(19) / 2 it is (Phi(2.47) + Phi(-0.47)) / 2.
    assert score["logit_adjusted"] == pytest.approx(0.841, abs=0.015)
    assert score["cross_entropy"] == pytest.approx(0.656, abs=0.03)


def test_focal_finds_the_rare_among_the_hard() -> None:
    """Few positives beside as few hard negatives, and many easy ones that plain cross-entropy spends its steps on.

    After four times as many steps both reach 0.87: what focal saves here is the steps, as in the paper.
    """
    rng = np.random.default_rng(0)

    def draw(positives: int, hard: int, easy: int) -> tuple[np.ndarray, np.ndarray]:
        centres = np.repeat([[1.5, 0.0], [0.0, 0.0], [8.0, -6.0]], [positives, hard, easy], axis=0)
        return rng.normal(size=centres.shape) * 0.5 + centres, np.repeat([1, 0, 0], [positives, hard, easy])

    x, y = draw(60, 60, 2400)
    test, test_y = draw(1000, 1000, 40000)
    score = {
        name: f1_score(test_y, fitted_logits(pair(name, y), x, y, test, steps=100).argmax(1), average="macro")
        for name in ("cross_entropy", "focal")
    }
    assert score["focal"] > score["cross_entropy"] + 0.05


@pytest.mark.parametrize("name", ["generalized_cross_entropy", "symmetric_cross_entropy"])
def test_wrong_labels_do_less_harm(name: str) -> None:
    """A fifth of one class, which lies far out, is labelled wrongly: cross-entropy gives way to it."""
    rng = np.random.default_rng(0)
    true = np.arange(1200) % 2
    x = rng.normal(size=(1200, 2)) * 0.4 + np.stack([2.0 * true - 1, 0 * true], 1)
    given = true.copy()
    wrong = (true == 1) & (np.arange(1200) // 2 % 5 == 0)
    given[wrong] = 0
    x[wrong] += [4.0, 0.0]
    score = {
        each: np.mean(fitted_logits(pair(each, given), x, given, x, rate=0.3).argmax(1) == true)
        for each in ("cross_entropy", name)
    }
    assert score[name] > 0.98
    assert score["cross_entropy"] < 0.8


def test_smoothed_labels_do_not_grow_sure_of_few_records() -> None:
    """So few that a plane parts them: without smoothing the logits grow for as long as training goes on."""
    lost = {0.0: 0.0, 0.2: 0.0}
    for seed in range(5):
        rng = np.random.default_rng(seed)
        y, test_y = np.arange(16) % 2, np.arange(5000) % 2
        x, test = (rng.normal(size=(len(k), 10)) + np.eye(10)[0] * 2.0 * k[:, None] for k in (y, test_y))
        for smoothing in lost:
            task = mmzoo.Classification("kind", labels=("a", "b"), smoothing=smoothing)
            logits = fitted_logits(task, x, y, test, steps=2000)
            lost[smoothing] -= log_softmax(logits.astype(np.float64), axis=1)[np.arange(5000), test_y].mean()
    assert lost[0.2] < 0.7 * lost[0.0], lost
