"""The decision-level fusions, calculated again with NumPy in float64 from each modality's answers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from scipy.special import expit, softmax

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.fusions import fusions
from mmzoo.inference.calibrate import confidence, weigh
from tests.conftest import small_spec

RNG = np.random.default_rng(0)
COUNT, LABELS = 6, ("a", "b", "c", "d")
PRESENT = np.array([[1, 1, 1], [1, 0, 0], [0, 1, 1], [1, 0, 1], [0, 0, 1], [1, 1, 0]], bool)
LOGITS = {name: RNG.normal(size=(COUNT, 4)) * 2 for name in "xyz"}
STACKED = np.stack(list(LOGITS.values()), axis=1)
KIND = mmzoo.Classification("kind", labels=LABELS)
TAGS = mmzoo.MultiLabel("tags", labels=LABELS)
SIZE = mmzoo.Regression("size", targets=4)


def run(name: str, task: Any, **options: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The prediction of the fusion, and its weights, none of them at the value it starts with."""
    inputs = {k: keras.Input((4,)) for k in LOGITS}
    present = keras.Input((3,), dtype="bool")
    model = keras.Model([*inputs.values(), present], fusions[name](inputs, present, task=task, **options))
    for weight in model.weights:
        weight.assign(weight + np.abs(RNG.normal(size=weight.shape)) * 0.5)
    result = model([*(v.astype(np.float32) for v in LOGITS.values()), PRESENT])
    return np.asarray(task.to_predictions(result)), {w.path: np.asarray(w, np.float64) for w in model.weights}


def mean_of_present(values: np.ndarray) -> np.ndarray:
    return np.stack([values[k][PRESENT[k]].mean(0) for k in range(COUNT)])


@pytest.mark.parametrize(
    ("task", "to_predictions"), [(KIND, lambda x: softmax(x, -1)), (TAGS, expit), (SIZE, lambda x: x)]
)
def test_decision_mean(task: Any, to_predictions: Any) -> None:
    found, _ = run("decision_mean", task)
    np.testing.assert_allclose(found, mean_of_present(to_predictions(STACKED)), atol=1e-5)


def test_decision_weighted() -> None:
    found, weights = run("decision_weighted", KIND)
    shares = softmax(np.where(PRESENT, weights["fusion.kind.weights/scores"], -np.inf), axis=1)
    np.testing.assert_allclose(found, (softmax(STACKED, -1) * shares[..., None]).sum(1), atol=1e-5)


def test_hard_vote() -> None:
    found, _ = run("hard_vote", KIND)
    answers = softmax(STACKED, -1)
    votes = np.eye(4)[answers.argmax(-1)]
    for row in range(COUNT):
        shares = votes[row][PRESENT[row]].mean(0)
        np.testing.assert_allclose(found[row], shares, atol=2e-3)
        tied = shares == shares.max()
        assert found[row].argmax() == np.where(tied, answers[row][PRESENT[row]].mean(0), -1).argmax()
    tags, _ = run("hard_vote", TAGS)
    np.testing.assert_allclose(tags, mean_of_present(expit(STACKED) > 0.5), atol=2e-3)
    with pytest.raises(MMZooError, match="'size' is numbers; use 'decision_mean'"):
        run("hard_vote", SIZE)


def test_product_of_experts() -> None:
    found, _ = run("product_of_experts", KIND)
    product = np.where(PRESENT[..., None], softmax(STACKED, -1), 1.0).prod(axis=1)
    np.testing.assert_allclose(found, product / product.sum(1, keepdims=True), atol=1e-5)
    numbers, _ = run("product_of_experts", SIZE)
    np.testing.assert_allclose(numbers, mean_of_present(STACKED), atol=1e-5)


def test_stacking() -> None:
    found, weights = run("stacking", KIND, hidden=5)
    kept = PRESENT[..., None].astype(float)
    x = np.concatenate([(softmax(STACKED, -1) * kept).reshape(COUNT, -1), PRESENT], axis=1)
    hidden = np.asarray(
        keras.activations.gelu(x @ weights["fusion.kind.hidden/kernel"] + weights["fusion.kind.hidden/bias"])
    )
    stack = hidden @ weights["fusion.kind.stack/kernel"] + weights["fusion.kind.stack/bias"]
    np.testing.assert_allclose(found, softmax(mean_of_present(STACKED) + stack, -1), atol=1e-5)


def test_calibrated() -> None:
    found, weights = run("calibrated", KIND)
    sure = weights["fusion.kind.confidence/confidence"]
    pool = np.exp(mean_of_present(np.log(softmax(STACKED * sure[:, None], -1))))
    np.testing.assert_allclose(found, pool / pool.sum(1, keepdims=True), atol=1e-5)
    numbers, weights = run("calibrated", SIZE)
    sure = weights["fusion.size.confidence/confidence"]
    for row in range(COUNT):
        here = PRESENT[row]
        np.testing.assert_allclose(numbers[row], np.average(STACKED[row][here], axis=0, weights=sure[here]), atol=1e-5)


def test_temperature_is_found() -> None:
    """Labels drawn from logits that are then made three times too sure: the fit finds the third."""
    true = RNG.normal(size=(4000, 4)) * 2
    labels = np.array([RNG.choice(4, p=p) for p in softmax(true, -1)], np.int32)
    smoothed = mmzoo.Classification("kind", labels=LABELS, smoothing=0.1)
    assert confidence(smoothed, labels, (true * 3).astype(np.float32)) == pytest.approx(1 / 3, rel=0.1)
    noise = RNG.normal(size=(4000, 1)).astype(np.float32)
    assert confidence(mmzoo.Regression("n"), noise * 0, noise * 0.5) == pytest.approx(4, rel=0.1)
    assert confidence(KIND, labels[:0], true[:0]) == 1


def test_calibrate_sets_each_modality_by_itself() -> None:
    spec = small_spec("calibrated")
    model = mmzoo.build(spec)
    labels = {"animal": np.tile(np.array([0, 1, 2, -1], np.int32), 50)}
    right = np.tile(np.eye(4, 3, dtype=np.float32) * 2, (50, 1))
    wrong = -right
    outputs = {"animal.picture": right, "animal.words": wrong, "animal.sound": right}
    here = np.array([[1, 1, 0]] * 200, bool)
    layer = model.get_layer("fusion.animal.confidence")
    weigh([layer], spec, outputs, labels, here)
    found = np.asarray(layer.confidence)
    assert found[0] > 2
    assert found[1] < 0.2
    assert found[2] == 1


@pytest.mark.parametrize("task", [KIND, TAGS, SIZE, mmzoo.Binary("b"), mmzoo.Ordinal("o", labels=LABELS)])
def test_unfinish_is_the_way_back(task: Any) -> None:
    logits = RNG.normal(size=(COUNT, task.units)).astype(np.float32)
    answers = task.to_predictions(logits)
    np.testing.assert_allclose(task.to_predictions(task.to_logits(answers)), answers, atol=1e-5)
    if task.tags.exclusive:
        np.testing.assert_allclose(np.asarray(answers).sum(1), 1, atol=1e-5)
