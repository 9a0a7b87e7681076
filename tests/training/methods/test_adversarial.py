"""Adversarial training: the attack against NumPy in float64, what it leaves alone, and what it is good for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax

import mmzoo
from mmzoo.data.records import decode
from mmzoo.errors import MMZooError
from mmzoo.labels import encode_labels
from mmzoo.training.feeds.batches import Varied
from mmzoo.training.feeds.feed import Stream
from mmzoo.training.loss import total_loss
from mmzoo.training.methods import methods
from mmzoo.training.methods.adversarial import Attack, first_floats
from mmzoo.training.settings import check_settings
from mmzoo.training.trainer import Trainer
from tests.conftest import small_records, small_spec

LABELS = ("a", "b")


def series_spec(**changes: Any) -> mmzoo.Spec:
    sensor = mmzoo.Sensor("motion", channels=1, steps=20, means=[0.0], deviations=[1.0], **changes)
    return mmzoo.Spec([sensor], "concat", [mmzoo.Classification("kind", labels=LABELS)], dim=8)


def linear(spec: mmzoo.Spec, w: np.ndarray) -> keras.Model:
    """A model of logits `x w` that takes what the spec's model does."""
    x = keras.Input((20, 1), name="motion")
    present = keras.Input((1,), dtype="bool", name="present")
    dense = keras.layers.Dense(2, use_bias=False)
    model = keras.Model({"motion": x, "present": present}, {"kind": dense(keras.layers.Flatten()(x))})
    dense.kernel.assign(w)
    return model


@pytest.mark.parametrize("how", ["fgsm", "pgd"])
def test_the_attack_on_a_linear_model(how: str) -> None:
    """Its gradient has one sign throughout, so both end in the same corner of the box."""
    rng, spec = np.random.default_rng(0), series_spec()
    x, w, labels = rng.normal(size=(6, 20, 1)), rng.normal(size=(20, 2)), np.array([0, 1, 0, 1, 1, 0])
    x[2] *= 5
    inputs = {"motion": tf.constant(x, tf.float32), "present": tf.ones((6, 1), bool)}

    def loss_of(outputs: Any) -> Any:
        return total_loss(spec, outputs, {"kind": tf.constant(labels)}, inputs["present"])

    (found,) = Attack(spec, linear(spec, w), methods[how].steps, 0.1)(inputs, loss_of)
    slope = (softmax(x[..., 0] @ w, axis=1) - np.eye(2)[labels]) @ w.T
    wanted = x + 0.1 * x.std(axis=(1, 2), keepdims=True) * np.sign(slope)[..., None]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_gaps_and_examples_without_a_label_stay_as_they_are() -> None:
    rng, spec = np.random.default_rng(0), series_spec(tower=mmzoo.Tower("cnn_1d", width=8))
    x = rng.normal(size=(3, 20, 1)).astype(np.float32)
    x[0, 3:5] = np.nan
    inputs = {"motion": tf.constant(x), "present": tf.constant([[True], [True], [False]])}
    model = mmzoo.build(spec)

    def loss_of(outputs: Any) -> Any:
        return total_loss(spec, outputs, {"kind": tf.constant([1, -1, 0])}, inputs["present"])

    (found,) = Attack(spec, model, 5, 0.1)(inputs, loss_of)
    moved = found.numpy() != x
    assert np.isnan(found[0, 3:5]).all()
    assert moved[0, :3].any()
    assert not moved[1:].any(), "of the second the label is not known, the third is absent"


def test_what_is_changed_of_pictures_words_and_sounds() -> None:
    model = mmzoo.build(small_spec())
    found = {name: first_floats(model, name) for name in ("picture", "words", "sound")}
    assert [tuple(x.shape[1:]) for x in found.values()] == [(32, 32, 3), (6, 8), (4000,)]
    records = small_records(4)
    inputs = {name: tf.constant(x) for name, x in decode(model.spec, records).items()}
    labels = {name: tf.constant(x) for name, x in encode_labels(model.spec.tasks, records).items()}

    def loss_of(outputs: Any) -> Any:
        return total_loss(model.spec, outputs, labels, inputs["present"])

    attack = Attack(model.spec, model, 1, 0.1)
    clean = attack.front(keras.tree.flatten(inputs), training=False)
    before = model(inputs, training=False)["animal"]
    np.testing.assert_allclose(attack.outputs(inputs, clean, training=False)["animal"], before, atol=1e-6)
    changed = attack(inputs, loss_of)
    assert all(np.abs(new - old).max() > 0 for new, old in zip(changed, clean, strict=True))
    assert loss_of(attack.outputs(inputs, changed, training=False)) > loss_of(model(inputs, training=False))


@pytest.mark.long
def test_low_rank_additions_are_attacked_and_trained() -> None:
    """The loss falls although every kernel of the model but the additions to it stays as it was."""
    spec, rng = series_spec(tower=mmzoo.Tower("cnn_1d", width=8)), np.random.default_rng(0)
    model = mmzoo.build(spec)
    training = mmzoo.Training(
        tune=mmzoo.Tune("lora", rank=1),
        tune_inputs=["motion"],
        methods=["fgsm"],
        batch_size=8,
        learning_rate=0.01,
        schedule="constant",
    )
    trainer = Trainer(spec, model, training, 40)
    assert trainer.tuned.additions
    labels = np.arange(8) % 2
    x = rng.normal(size=(8, 20, 1)) + 3.0 * labels[:, None, None]
    inputs = {"motion": tf.constant(x, tf.float32), "present": tf.ones((8, 1), bool)}
    kernels = [each.kernel.numpy() for each in trainer.tuned.additions]
    step = tf.function(trainer.learn)
    losses = [sum(step(inputs, {"kind": tf.constant(labels)}).numpy()) for _ in range(40)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.1
    for each, before in zip(trainer.tuned.additions, kernels, strict=True):
        np.testing.assert_array_equal(each.kernel.numpy(), before)


def test_categories_are_refused() -> None:
    table = mmzoo.Tabular("person", numbers=["age"], categories=["sex"])
    spec = mmzoo.Spec([table], "concat", [mmzoo.Classification("kind", labels=LABELS)], dim=8)
    with pytest.raises(MMZooError, match="'person' has categories"):
        check_settings(spec, mmzoo.Training(methods=["fgsm"]))


@pytest.mark.long
def test_the_step_compiles() -> None:
    spec, records = small_spec().subset(["picture", "words"]), small_records(4)
    model = mmzoo.build(spec)
    feed = Stream(
        {name: x if name == "present" else x[:, None] for name, x in decode(spec, records).items()},
        encode_labels(spec.tasks, records),
        Varied(),
        batch_size=4,
        seed=0,
    )
    trainer = Trainer(spec, model, mmzoo.Training(methods=["fgsm"], batch_size=4), 10)
    step = tf.function(trainer.learn, jit_compile=True)
    assert np.isfinite(step(*next(iter(feed.batches(range(1)))))).all()


@pytest.mark.long
def test_what_was_trained_on_attacks_withstands_them(tmp_path: Path) -> None:
    """One number tells the label in 95 of 100 cases; nineteen tell it together, but each can be turned."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 600)
    names = [f"n{k}" for k in range(20)]
    x = rng.normal(size=(600, 20)) * 0.3 + 0.25 * (2.0 * labels[:, None] - 1)
    x[:, 0] = (2.0 * labels - 1) * np.where(rng.random(600) < 0.95, 3, -3)
    rows = [dict(zip(names, map(float, row), strict=True)) for row in x]
    table = mmzoo.Tabular("table", numbers=names, quantiles=[[-2.0, -0.5, 0.5, 2.0]] * 20)
    spec = mmzoo.Spec([table], "concat", [mmzoo.Classification("kind", labels=LABELS)], dim=16)
    train, test = (
        mmzoo.Records({"table": rows[part], "kind": [LABELS[k] for k in labels[part]]})
        for part in (slice(400), slice(400, 600))
    )
    inputs = {name: tf.constant(value) for name, value in decode(spec, test).items()}

    def loss_of(outputs: Any) -> Any:
        return total_loss(spec, outputs, {"kind": tf.constant(labels[400:])}, inputs["present"])

    scores = {}
    for how, chosen in (("none", []), ("pgd", [mmzoo.Method("pgd", epsilon=0.6)])):
        training = mmzoo.Training(epochs=15, learning_rate=5e-3, ema_decay=0.0, methods=chosen)
        model = mmzoo.train(spec, train, training=training, out=tmp_path / how).model
        attack = Attack(spec, model, 5, 0.6)
        answers = attack.outputs(inputs, attack(inputs, loss_of), training=False)["kind"].numpy().argmax(1)
        scores[how] = float(np.mean(answers == labels[400:]))
    assert scores["pgd"] > 0.85
    assert scores["none"] < 0.7
