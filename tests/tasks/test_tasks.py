"""Losses and metrics against scikit-learn and NumPy in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, huber, log_softmax
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    cohen_kappa_score,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
)

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.inference.metrics import metrics
from mmzoo.labels import encode_labels
from mmzoo.training.loss import total_loss
from tests.conftest import small_spec

RNG = np.random.default_rng(0)
KIND = mmzoo.Classification("kind", labels=("a", "b", "c", "d"), smoothing=0.1)
AGE = mmzoo.Regression("age", targets=2)
SICK = mmzoo.Binary("sick", labels=("well", "sick"))
TAGS = mmzoo.MultiLabel("tags", labels=("a", "b", "c"))
PAIN = mmzoo.Ordinal("pain", labels=("none", "some", "much", "most"))


def macro_f1_by_hand(right: np.ndarray, given: np.ndarray) -> float:
    """`2 hits / (right + given)` of each column of ones and zeros (N, K), the mean over those that occur."""
    hits, total = (right * given).sum(axis=0), right.sum(axis=0) + given.sum(axis=0)
    return float((2 * hits[total > 0] / total[total > 0]).mean())


def test_classification() -> None:
    logits, labels = RNG.normal(size=(50, 4)), RNG.integers(0, 3, 50)  # the last label never occurs
    targets = np.eye(4)[labels] * 0.9 + 0.1 / 4
    wanted = -(targets * log_softmax(logits, axis=1)).sum(1)
    np.testing.assert_allclose(KIND.loss(labels, logits.astype(np.float32)), wanted, atol=1e-5)
    found = KIND.metrics(labels, logits)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, logits.argmax(1)))
    assert found["macro_f1"] == pytest.approx(macro_f1_by_hand(np.eye(4)[labels], np.eye(4)[logits.argmax(1)]))
    np.testing.assert_allclose(np.asarray(KIND.to_predictions(logits)).sum(1), 1, atol=1e-6)


def test_regression() -> None:
    found, labels = RNG.normal(size=(50, 2)), RNG.normal(size=(50, 2))
    np.testing.assert_allclose(AGE.loss(labels, found), ((labels - found) ** 2).mean(1), atol=1e-6)
    scores = AGE.metrics(labels, found)
    assert scores["mae"] == pytest.approx(mean_absolute_error(labels, found))
    assert scores["r2"] == pytest.approx(r2_score(labels, found))
    assert AGE.metrics(np.ones((3, 2)), np.ones((3, 2)))["r2"] == 0.0


HUBER = mmzoo.Objective("huber", delta=0.5)


@pytest.mark.parametrize(
    ("objective", "error"), [("mae", np.abs), ("huber", lambda x: huber(1, x)), (HUBER, lambda x: huber(0.5, x))]
)
def test_other_objectives(objective: Any, error: Any) -> None:
    found, labels = RNG.normal(size=(50, 2)) * 2, RNG.normal(size=(50, 2))
    task = mmzoo.Regression("age", targets=2, objective=objective)
    np.testing.assert_allclose(task.loss(labels, found), error(labels - found).mean(1), atol=1e-6)


def test_binary() -> None:
    logits, labels = RNG.normal(size=(50, 1)) * 3, RNG.integers(0, 2, 50)
    probability = expit(logits[:, 0])
    wanted = -np.log(np.where(labels == 1, probability, 1 - probability))
    np.testing.assert_allclose(SICK.loss(labels, logits.astype(np.float32)), wanted, atol=1e-5)
    answers = np.asarray(SICK.to_predictions(logits))
    np.testing.assert_allclose(answers, np.stack([1 - probability, probability], 1), atol=1e-6)
    found = SICK.metrics(labels, answers)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, probability > 0.5))
    assert found["roc_auc"] == pytest.approx(roc_auc_score(labels, probability))
    assert found["average_precision"] == pytest.approx(average_precision_score(labels, probability))
    assert "roc_auc" not in SICK.metrics(labels * 0, answers)
    assert [SICK.encode(v) for v in ("well", "sick", True, 0)] == [0, 1, 1, 0]
    assert SICK.readable(answers[0]).keys() == {"well", "sick"}


def test_multi_label() -> None:
    logits, labels = RNG.normal(size=(50, 3)) * 3, RNG.integers(0, 2, (50, 3)).astype(np.float32)
    probability = expit(logits)
    wanted = -np.log(np.where(labels == 1, probability, 1 - probability)).mean(1)
    np.testing.assert_allclose(TAGS.loss(labels, logits.astype(np.float32)), wanted, atol=1e-5)
    found = TAGS.metrics(labels, probability)
    assert found["macro_f1"] == pytest.approx(macro_f1_by_hand(labels, probability > 0.5))
    assert found["average_precision"] == pytest.approx(average_precision_score(labels, probability, average="macro"))
    np.testing.assert_array_equal(TAGS.encode(["c", "a"]), [1, 0, 1])
    np.testing.assert_array_equal(TAGS.encode("b"), [0, 1, 0])
    np.testing.assert_array_equal(TAGS.encode([]), [0, 0, 0])
    np.testing.assert_allclose(TAGS.score(labels, labels), 1)


def test_ordinal() -> None:
    logits, labels = RNG.normal(size=(50, 3)), RNG.integers(0, 4, 50)
    step = expit(logits)
    beyond = np.concatenate([np.ones((50, 1)), np.cumprod(step, 1), np.zeros((50, 1))], axis=1)
    answers = np.asarray(PAIN.to_predictions(logits.astype(np.float32)))
    np.testing.assert_allclose(answers, beyond[:, :-1] - beyond[:, 1:], atol=1e-6)
    # CORN is the likelihood of the steps that were taken: it sums to that of the label, over the three steps.
    wanted = -np.log(answers[np.arange(50), labels].astype(np.float64)) / 3
    np.testing.assert_allclose(PAIN.loss(labels, logits.astype(np.float32)), wanted, atol=1e-4)
    found, guess = PAIN.metrics(labels, answers), answers.argmax(1)
    assert found["kappa"] == pytest.approx(cohen_kappa_score(labels, guess, weights="quadratic"))
    assert found["mae"] == pytest.approx(mean_absolute_error(labels, guess))


def test_missing_labels_count_for_nothing() -> None:
    """Rows without a label of one task: the loss, its gradient and the metrics are those of the other rows."""
    spec = small_spec(tasks=[mmzoo.Classification("kind", labels=("a", "b", "c"), auxiliary=0.5), AGE, TAGS])
    labels = encode_labels(
        spec.tasks,
        mmzoo.Records(
            {
                "kind": ["a", None, "c", ""],
                "age": [[1, 2], [3, 4], None, float("nan")],
                "tags": [None, ["a"], ["b"], []],
            }
        ),
    )
    present = tf.constant(RNG.random((4, 3)) < 0.7)
    names = ["kind", "age", "tags", "kind.picture", "kind.words", "kind.sound"]
    outputs = {name: tf.Variable(RNG.normal(size=(4, 2 if name == "age" else 3)), dtype=tf.float32) for name in names}
    with tf.GradientTape() as tape:
        tensors = {name: tf.constant(value) for name, value in labels.items()}
        loss = total_loss(spec, outputs, tensors, present)
    gradients = tape.gradient(loss, outputs)
    total = 0.0
    for task, rows in zip(spec.tasks, ([0, 2], [0, 1], [1, 2, 3]), strict=True):
        alone = small_spec(tasks=[task])
        pick = {name: tf.gather(value, rows) for name, value in outputs.items()}
        total += total_loss(alone, pick, {task.name: tensors[task.name].numpy()[rows]}, tf.gather(present, rows))
        others = np.setdiff1d(range(4), rows)
        np.testing.assert_array_equal(gradients[task.name].numpy()[others], 0)
    assert np.isfinite(loss)
    assert float(loss) == pytest.approx(float(total), rel=1e-5)
    answers = {"kind": np.eye(4, 3), "age": np.ones((4, 2)), "tags": np.ones((4, 3))}
    scores = metrics(spec, answers, labels)
    assert scores["kind_accuracy"] == 1.0
    assert scores["age_mae"] == pytest.approx(np.mean([0, 1, 2, 3]))


def test_a_record_needs_some_label() -> None:
    spec = small_spec(tasks=[KIND, AGE])
    with pytest.raises(MMZooError, match=r"Record 'two' has no label for kind, age"):
        encode_labels(spec.tasks, mmzoo.Records({"kind": ["a", None], "age": [[1, 2], None]}, ["one", "two"]))
    with pytest.raises(MMZooError, match=r"No record has a label for task 'age'"):
        encode_labels(spec.tasks, mmzoo.Records({"kind": ["a", "b"], "age": [None, None]}))


def test_learned_task_weights() -> None:
    """Kendall et al.: at its best, the variance of a task is its loss (or half of it for regression)."""
    spec = small_spec(tasks=[KIND, mmzoo.Regression("age")], task_weights="learned")
    outputs = {"kind": tf.constant(RNG.normal(size=(4, 4)), tf.float32), "age": tf.ones((4, 1)) * 3}
    labels = {"kind": tf.constant([0, 1, 2, 3]), "age": tf.zeros((4, 1))}
    single = [float(total_loss(small_spec(tasks=[t]), outputs, labels, None)) for t in spec.tasks]
    s = [0.3, -0.2]
    found = total_loss(spec, {**outputs, "fusion.log_variances": tf.constant([s] * 4)}, labels, None)
    wanted = np.exp(-s[0]) * single[0] + s[0] / 2 + np.exp(-s[1]) * single[1] / 2 + s[1] / 2
    assert float(found) == pytest.approx(wanted, rel=1e-5)
    model = mmzoo.build(spec)
    assert "fusion.log_variances" in model.output
    assert any("log_variances" in v.path for v in model.trainable_variables)


@pytest.mark.parametrize(
    ("task", "value", "words"),
    [
        (KIND, "e", "no label of task 'kind' called 'e'"),
        (KIND, None, "no label"),
        (AGE, "old", "needs 2 number"),
        (AGE, [1.0], "needs 2 finite"),
        (AGE, [1.0, float("nan")], "needs 2 finite"),
        (AGE, None, "needs 2"),
        (SICK, "ill", "no label of task 'sick' called 'ill'"),
        (SICK, 2, "no label"),
        (TAGS, ["a", "z"], "no label of task 'tags' called 'z'"),
        (TAGS, 3, "needs a list of labels"),
        (PAIN, "more", "no label of task .pain. called"),
    ],
)
def test_bad_labels(task: Any, value: object, words: str) -> None:
    with pytest.raises(MMZooError, match=words):
        task.encode(value)


def test_a_regression_begins_near_the_mean() -> None:
    """Else the first epochs go by with unlearning an answer that is off by a deviation or two."""
    task = mmzoo.Regression("x", means=[50.0], deviations=[10.0])
    row = mmzoo.Tabular("row", numbers=["a", "b", "c"], quantiles=[[-2, -1, 0, 1, 2]] * 3)
    model = mmzoo.build(mmzoo.Spec([row], "concat", [task]))
    rows = np.random.default_rng(0).normal(size=(256, 3)).astype(np.float32)
    answers = np.asarray(task.to_predictions(model({"row": rows, "present": np.ones((256, 1), bool)})["x"]))
    assert np.sqrt(((answers - 50) ** 2).mean()) < 3
