"""Losses and metrics against scikit-learn and NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error, r2_score

import mmzoo
from mmzoo.errors import MMZooError

RNG = np.random.default_rng(0)
KIND = mmzoo.Classification("kind", labels=("a", "b", "c", "d"), smoothing=0.1)
AGE = mmzoo.Regression("age", targets=2)


def test_classification() -> None:
    logits, labels = RNG.normal(size=(50, 4)), RNG.integers(0, 3, 50)  # the last label never occurs
    targets = np.eye(4)[labels] * 0.9 + 0.1 / 4
    wanted = -(targets * log_softmax(logits, axis=1)).sum(1)
    np.testing.assert_allclose(KIND.loss(labels, logits.astype(np.float32)), wanted, atol=1e-5)
    found = KIND.metrics(labels, logits)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, logits.argmax(1)))
    assert found["macro_f1"] == pytest.approx(f1_score(labels, logits.argmax(1), average="macro", zero_division=0))
    np.testing.assert_allclose(np.asarray(KIND.finish(logits)).sum(1), 1, atol=1e-6)


def test_regression() -> None:
    found, labels = RNG.normal(size=(50, 2)), RNG.normal(size=(50, 2))
    np.testing.assert_allclose(AGE.loss(labels, found), ((labels - found) ** 2).mean(1), atol=1e-6)
    scores = AGE.metrics(labels, found)
    assert scores["mae"] == pytest.approx(mean_absolute_error(labels, found))
    assert scores["r2"] == pytest.approx(r2_score(labels, found))
    assert AGE.metrics(np.ones((3, 2)), np.ones((3, 2)))["r2"] == 0.0


@pytest.mark.parametrize(
    ("task", "value", "words"),
    [
        (KIND, "e", "no label of task 'kind' called 'e'"),
        (KIND, None, "no label"),
        (AGE, "old", "needs 2 number"),
        (AGE, [1.0], "needs 2 finite"),
        (AGE, [1.0, float("nan")], "needs 2 finite"),
        (AGE, None, "needs 2"),
    ],
)
def test_bad_labels(task: mmzoo.Classification, value: object, words: str) -> None:
    with pytest.raises(MMZooError, match=words):
        task.encode(value)
