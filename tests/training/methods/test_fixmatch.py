"""Guessed labels: the loss in NumPy, thresholds that move, and records without a label that help."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax

import mmzoo
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError
from mmzoo.training.loss import Batch, known_totals
from mmzoo.training.methods.base import Learner
from mmzoo.training.methods.fixmatch import FixMatch
from mmzoo.training.methods.freematch import FreeMatch
from mmzoo.tuning.groups import Tuned
from tests.conftest import LABELS

RANDOM = np.random.default_rng(0)
NAMES = ("kind", "kind.one", "kind.two")


def spec_of(**changes: Any) -> mmzoo.Spec:
    inputs = [mmzoo.Tabular(name, numbers=["x", "y"], tower="mlp") for name in ("one", "two")]
    tasks = [mmzoo.Classification("kind", labels=LABELS, **{"auxiliary": 0.5, **changes})]
    return mmzoo.Spec(inputs, "concat", tasks, dim=8)


def made(method: FixMatch, clean: dict[str, np.ndarray]) -> FixMatch:
    """A method whose model answers `clean` to the records as they are."""

    def model(inputs: dict[str, Any], training: bool) -> dict[str, tf.Tensor]:
        assert not training
        return {name: tf.constant(clean[name])[: len(inputs["x"])] for name in clean}

    method.build(Learner(spec_of(), model, Tuned([], []), 10))  # type: ignore[arg-type]
    return method


def case() -> tuple[Batch, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A batch, what is answered to it as it is, and in training."""
    clean, outputs = ({name: RANDOM.normal(size=(8, 3)).astype(np.float32) * 2 for name in NAMES} for _ in range(2))
    labels = {"kind": tf.constant([0, -1, 1, -1, -1, 2, -1, -1])}
    present = tf.constant(RANDOM.random((8, 2)) < 0.7) | tf.constant([[True, False]])
    weights = tf.constant(RANDOM.random(8), tf.float32)
    inputs = {"x": tf.zeros((8, 1))}
    batch = Batch(inputs, labels, present, weights, known_totals(spec_of(), labels, present, weights))
    return batch, clean, outputs


def test_the_loss_is_of_guesses_that_are_sure() -> None:
    """Over all records without a label; in two parts it adds up to that of the whole."""
    batch, clean, outputs = case()
    method = made(FixMatch(threshold=0.6, weight=2.0), clean)
    answers, weights = softmax(clean["kind"].astype(float), axis=1), batch.weights.numpy().astype(float)
    asked, here = batch.labels["kind"].numpy() < 0, batch.present.numpy().astype(float)
    label, rows = answers.argmax(axis=1), np.arange(8)
    kept = asked * (answers.max(axis=1) >= 0.6) * weights / weights[asked].sum()
    assert 0 < np.count_nonzero(kept) < asked.sum()
    fused, *heads = (-log_softmax(outputs[name].astype(float), axis=1)[rows, label] for name in NAMES)
    single = (np.stack(heads, axis=1) * here).sum(axis=1) / here.sum(axis=1)
    wanted = 2.0 * (kept * (fused + 0.5 * single)).sum()
    assert float(method.added_loss(batch, outputs)) == pytest.approx(wanted, rel=1e-5)
    total = 0.0
    for index in range(2):
        half = slice(4 * index, 4 * index + 4)
        part = made(FixMatch(threshold=0.6, weight=2.0), {name: clean[name][half] for name in NAMES})
        total += float(part.added_loss(batch.part(index, 2), {name: outputs[name][half] for name in NAMES}))
    assert total == pytest.approx(wanted, rel=1e-5)


def test_thresholds_follow_how_sure_the_answers_are() -> None:
    batch, clean, outputs = case()
    method = made(FreeMatch(decay=0.9), clean)
    (task,) = method.tasks
    np.testing.assert_allclose(method.thresholds(task), [1 / 3] * 3, rtol=1e-6)
    method.update(method.measure(batch, outputs, [], None))
    answers = softmax(clean["kind"].astype(float), axis=1)[batch.labels["kind"].numpy() < 0]
    sure, classes = 0.9 / 3 + 0.1 * answers.max(axis=1).mean(), 0.9 / 3 + 0.1 * answers.mean(axis=0)
    np.testing.assert_allclose(method.thresholds(task), sure * classes / classes.max(), rtol=1e-5)
    before = method.means[0].numpy()
    method.update(tf.zeros(5))  # no record without a label in this batch
    np.testing.assert_array_equal(method.means[0].numpy(), before)


def two_moons(count: int, known: int, seed: int) -> Records:
    """Two half circles, of which few points have a label: what lies between is told by those that have none."""
    rng = np.random.default_rng(seed)
    which, angle = rng.integers(0, 2, count), rng.random(count) * np.pi
    x = np.where(which == 0, np.cos(angle), 1 - np.cos(angle)) + rng.normal(size=count) * 0.08
    y = np.where(which == 0, np.sin(angle), 0.5 - np.sin(angle)) + rng.normal(size=count) * 0.08
    rows = [{"x": float(a), "y": float(b)} for a, b in zip(x, y, strict=True)]
    labels = [("up" if w == 0 else "down") if k < known else None for k, w in enumerate(which)]
    return Records({"point": rows, "kind": labels}, [f"r{k}" for k in range(count)])


@pytest.mark.parametrize("method", [mmzoo.Method("fixmatch", threshold=0.5), mmzoo.Method("freematch")])
def test_records_without_a_label_take_part(method: mmzoo.Method, tmp_path: Path) -> None:
    """The loss of such records is in the history, and a run with them goes through to its end."""
    spec = mmzoo.Spec(
        [mmzoo.Tabular("point", numbers=["x", "y"], tower=mmzoo.Tower("mlp", hidden=[16], width=8))],
        "concat",
        [mmzoo.Classification("kind", labels=("up", "down"))],
        dim=8,
    )
    training = mmzoo.Training(epochs=2, batch_size=32, learning_rate=3e-3, methods=[method])
    out = tmp_path / "run"
    mmzoo.train(spec, two_moons(96, 24, 0), two_moons(40, 40, 1), training=training, out=out)
    last = json.loads((out / "history.jsonl").read_text().splitlines()[-1])
    assert last["loss"] == pytest.approx(last["loss_kind"] + last["unlabelled_loss"], abs=1e-3)
    assert last["unlabelled_loss"] > 0


def test_what_does_not_fit_is_said() -> None:
    spec = spec_of()
    with pytest.raises(MMZooError, match="need a classification"):
        FixMatch().check(mmzoo.Spec(spec.inputs, "concat", [mmzoo.Regression("y")], dim=8), mmzoo.Training())
    moons = mmzoo.Spec(
        [mmzoo.Tabular("point", numbers=["x", "y"])], "concat", [mmzoo.Classification("kind", labels=("up", "down"))]
    )
    assert not FixMatch().labels(moons, two_moons(8, 7, 0))
    with pytest.raises(MMZooError, match="have none to guess; add records whose label is empty"):
        FixMatch().labels(moons, two_moons(8, 8, 0))
    with pytest.raises(MMZooError, match="has no label of its own to be guessed"):
        FixMatch().check(spec, mmzoo.Training(methods=[mmzoo.Method("mixup"), mmzoo.Method("fixmatch")]))
