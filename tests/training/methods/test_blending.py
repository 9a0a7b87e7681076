"""Gradient Blending: formula and loss in NumPy, a run that stops, and a modality that plain training starves."""

from __future__ import annotations

import signal
from itertools import product
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.training.loss import Batch, known_totals, task_losses, total_loss, weighed_losses
from mmzoo.training.methods.base import Learner
from mmzoo.training.methods.blending import FLOOR, LEAST, Blending, head_losses, new_weights
from mmzoo.training.stopping import Interrupted
from mmzoo.tuning.groups import Tuned
from tests.training.methods.starved import starved, starved_spec

METHODS = (mmzoo.Method("gradient_blending", epochs=2),)
RANDOM = np.random.default_rng(0)


def test_the_weights_are_gain_over_overfitting_squared() -> None:
    train_before, before = np.array([1.4, 1.4, 1.4]), np.array([1.5, 1.5, 1.6])
    train, now = np.array([0.8, 0.8, 1.0]), np.array([1.1, 1.3, 1.3])
    gain = np.array([0.4, 0.2, 0.3])
    grown = np.array([0.3 - 0.1, 0.5 - 0.1, 0.3 - 0.2])
    found = new_weights(np.full(3, 1 / 3), train_before, before, train, now)
    np.testing.assert_allclose(found, gain / grown**2 / (gain / grown**2).sum(), rtol=1e-5)


def test_noise_in_what_is_measured_does_no_harm() -> None:
    equal, before = np.full(3, 1 / 3, np.float32), np.array([1.5, 1.5, 1.5])
    # Nothing gained, nothing measured before: as they were.
    np.testing.assert_array_equal(new_weights(equal, before, before, before, before + 0.1), equal)
    np.testing.assert_array_equal(new_weights(equal, before * np.nan, before, before, before - 0.1), equal)
    # A distance that shrank counts as the floor, a head that lost keeps a little.
    found = new_weights(equal, before, before, before - [0.1, 0.1, 0.0], before - [0.2, 0.1, -0.1])
    raw = np.array([0.2, 0.1, 0.0]) / (FLOOR * 0.2) ** 2
    shares = np.maximum(raw / raw.sum(), LEAST)
    np.testing.assert_allclose(found, shares / shares.sum(), rtol=1e-5)


def outputs_of(spec: mmzoo.Spec, rows: int) -> dict[str, np.ndarray]:
    names = ["kind", *(f"kind.{name}" for name in spec.input_names)]
    return {name: RANDOM.normal(size=(rows, 4)).astype(np.float32) for name in names}


def test_the_loss_weighs_the_mean_of_each_head() -> None:
    """Over the examples that are known and have the modality; in two parts it adds up to that of the whole."""
    spec = starved_spec(auxiliary=0.5)
    outputs, labels = outputs_of(spec, 8), np.array([0, 1, 2, -1, 3, 0, 1, 2])
    present = np.array([[1, 1], [1, 0], [0, 1], [1, 1], [1, 1], [0, 1], [1, 0], [1, 1]], bool)
    known, shares = labels >= 0, np.array([[0.5, 0.2, 0.3]], np.float32)

    def entropy(name: str, kept: np.ndarray) -> float:
        return float(-log_softmax(outputs[name].astype(np.float64), axis=1)[kept, labels[kept]].mean())

    single = [
        entropy("kind", known),
        *(entropy(f"kind.{n}", known & present[:, k]) for k, n in enumerate(spec.input_names)),
    ]
    given = {"kind": tf.constant(labels)}
    blending = Blending()
    blending.build(Learner(spec, keras.Model(), Tuned([]), 10))
    blending.weights.assign(shares)
    found = total_loss(spec, outputs, given, tf.constant(present), methods=[blending])
    assert float(found) == pytest.approx(float(shares[0] @ single), rel=1e-5)
    np.testing.assert_allclose(head_losses(spec, outputs, {"kind": labels}, present)[0], single, rtol=1e-5)
    totals = known_totals(spec, given, tf.constant(present))
    parts = []
    for rows in (slice(0, 3), slice(3, 8)):
        batch = Batch({}, {"kind": tf.constant(labels[rows])}, tf.constant(present[rows]), None, totals, 0.5)
        some = {name: x[rows] for name, x in outputs.items()}
        parts += weighed_losses(spec, some, batch, task_losses(spec, some, batch, [blending]))
    assert float(sum(parts)) == pytest.approx(float(found), rel=1e-5)


def train(out: Path, callbacks: Any = (), **settings: Any) -> mmzoo.Run:
    """With a hundred numbers of which nearly all are noise, beside a table that tells the label."""
    training = mmzoo.Training(**{"learning_rate": 3e-3, "ema_decay": 0.0, "modality_dropout": 0.0, **settings})
    records = [starved(count, count, near=100, tells=0.6) for count in (300, 200)]
    spec = starved_spec("concat", near=100, auxiliary=1.0)
    return mmzoo.train(spec, *records, training=training, out=out, callbacks=callbacks)


@pytest.mark.long
def test_a_stopped_run_goes_on_with_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the same bytes, over epochs in which the heads are weighed anew; which moves the weights."""
    weighed: list[np.ndarray] = []
    weigh = Blending.weigh

    def watched(self: Blending, losses: np.ndarray) -> None:
        weigh(self, losses)
        weighed.append(self.weights.numpy()[0])

    monkeypatch.setattr(Blending, "weigh", watched)

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                signal.raise_signal(signal.SIGINT)

    whole = train(tmp_path / "whole", epochs=5, methods=METHODS)
    assert [w.sum() for w in weighed] == pytest.approx([1, 1, 1])  # at the start, after epochs 2 and 4
    np.testing.assert_allclose(weighed[0], 1 / 3, rtol=1e-6)
    assert np.abs(weighed[2] - 1 / 3).max() > 0.05
    with pytest.raises(Interrupted):
        train(tmp_path / "parts", epochs=5, methods=METHODS, callbacks=[Stop()])
    parts = train(tmp_path / "parts", epochs=5, methods=METHODS)
    files = [run.folder / "model" / "weights.safetensors" for run in (whole, parts)]
    assert files[0].read_bytes() == files[1].read_bytes()
    np.testing.assert_array_equal(weighed[2], weighed[5])


@pytest.mark.long
def test_a_modality_that_is_starved_is_recovered(tmp_path: Path) -> None:
    """`near` answers nearly everything, so that nothing is left to learn from `far`; asked alone it shows.

    On average: with some seeds nothing is recovered, since a head that has gained nothing yet is hardly weighed.
    """
    alone: dict[str, list[float]] = {"plain": [], "blended": []}
    ways: list[tuple[str, float, list[str]]] = [("plain", 0.0, []), ("blended", 1.0, ["gradient_blending"])]
    for seed, (name, auxiliary, methods) in product(range(3), ways):
        records, new = [starved(n, seed + k) for n, k in ((300, 0), (200, 10))], starved(300, seed + 20)
        training = mmzoo.Training(epochs=40, learning_rate=3e-3, ema_decay=0.0, modality_dropout=0.0, methods=methods)
        spec = starved_spec(auxiliary=auxiliary)
        run = mmzoo.train(spec, *records, training=training, out=tmp_path / f"{name}{seed}", seed=seed)
        found = run.evaluate(new)["subsets"]
        alone[name].append(found["far"]["accuracy"])
        assert found["near+far"]["accuracy"] > 0.95
    assert max(alone["plain"]) < 0.45  # chance is 0.25
    assert np.mean(alone["blended"]) > np.mean(alone["plain"]) + 0.1, alone


def test_what_cannot_be_blended_is_said(tmp_path: Path) -> None:
    for number, (auxiliary, words) in enumerate(((0.0, "'auxiliary' above 0"), (1.0, "give validation records"))):
        spec = starved_spec(auxiliary=auxiliary)
        with pytest.raises(MMZooError, match=words):
            records = [starved(40, 0)] * (2 - number)
            training = mmzoo.Training(methods=["gradient_blending"])
            mmzoo.train(spec, *records, training=training, out=tmp_path / str(number))
