"""OGM-GE: its formula in NumPy, what a step does, and a modality that plain training starves."""

from __future__ import annotations

from itertools import product
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
from mmzoo.inference.running import run_model
from mmzoo.labels import encode_labels
from mmzoo.training.methods.modulation import factors_of
from mmzoo.training.step import prepared
from mmzoo.training.trainer import Trainer
from tests.training.methods.starved import starved, starved_spec


def test_the_factors_are_the_papers() -> None:
    score = np.array([0.8, 0.5, 0.2])
    ratio = score / np.array([0.35, 0.5, 0.65])
    wanted = np.where(ratio > 1, 1 - np.tanh(0.7 * ratio), 1)
    found = factors_of(tf.constant(score * [8, 4, 2], tf.float32), tf.constant([8.0, 4.0, 2.0]), 0.7)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    # One of two that is not in the batch: there is nobody to wait for.
    assert factors_of(tf.constant([3.0, 0.0]), tf.constant([4.0, 0.0]), 0.7).numpy().tolist() == [1, 1]


def trainer_of(way: str, **settings: Any) -> tuple[Trainer, keras.Model, Any]:
    """A trainer whose rate is 0.01 from the first step, its model, and a batch of which some lack a modality."""
    records = starved(64, 0)
    spec = starved_spec().fit(records)
    keras.utils.set_random_seed(0)
    model = mmzoo.build(spec)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    methods = [mmzoo.Method(way, alpha=0.7)] if way != "none" else []
    training = mmzoo.Training(methods=methods, batch_size=64, **settings)
    trainer = Trainer(spec, prepared(spec, model, training), training, 100)
    for optimizer in trainer.optimizers:
        optimizer._learning_rate = tf.constant(0.01)
    inputs = {name: tf.constant(x) for name, x in decode(spec, records).items()}
    present = np.ones((64, 2), bool)
    present[:10, 0] = present[20:25, 1] = False
    inputs["present"] = tf.constant(present)
    return trainer, model, (inputs, {name: tf.constant(x) for name, x in encode_labels(spec.tasks, records).items()})


def tower_of(variable: Any) -> str:
    """The input whose tower a variable is of; none for fusion and head."""
    return next((name for name in ("near", "far") if name in variable.path.split("/")[0]), "")


@pytest.mark.long
def test_the_steps_of_the_tower_that_leads_are_shorter() -> None:
    """By the factor of the scores that the model has with each modality alone, and nothing else is changed."""
    steps, before = {}, {}
    for way in ("none", "ogm"):
        trainer, model, batch = trainer_of(way)
        before = {v.path: v.numpy() for v in model.trainable_variables}
        if way == "ogm":
            inputs, labels = (keras.tree.map_structure(np.asarray, part) for part in batch)
            scores = []
            for index in range(2):
                kept = inputs["present"][:, index]
                alone = {**inputs, "present": inputs["present"] & (np.arange(2) == index)}
                right = softmax(run_model(model, alone)["kind"], axis=1)[np.arange(64), labels["kind"]]
                scores.append(right[kept].mean())
        tf.function(trainer.learn)(*batch)
        steps[way] = {v.path: v.numpy() - before[v.path] for v in model.trainable_variables}
    leads = int(np.argmax(scores))
    factor = 1 - np.tanh(0.7 * scores[leads] / scores[1 - leads])
    for variable in model.trainable_variables:
        expected = factor if tower_of(variable) == ("near", "far")[leads] else 1.0
        plain, found = (steps[way][variable.path] for way in ("none", "ogm"))
        np.testing.assert_allclose(found, expected * plain, atol=2e-6)
    assert {tower_of(v) for v in model.trainable_variables} == {"near", "far", ""}


@pytest.mark.long
def test_noise_has_the_deviation_of_the_step_and_is_drawn_again_after_a_restart() -> None:
    steps = {}
    for way in ("none", "ogm", "ogm_ge"):
        trainer, model, batch = trainer_of(way)
        before = {v.path: v.numpy() for v in model.trainable_variables}
        learn = tf.function(trainer.learn)
        learn(*batch)
        steps[way] = {v.path: v.numpy() - before[v.path] for v in model.trainable_variables}
    for variable in model.trainable_variables:
        noise, plain = (steps[more][variable.path] for more in ("ogm_ge", "none"))
        noise = noise - steps["ogm"][variable.path]
        if tower_of(variable) and len(variable.shape) > 1:
            assert noise.std() == pytest.approx(plain.std(), rel=0.2), variable.path
            assert abs(noise.mean()) <= noise.std() * 4 / np.sqrt(noise.size)
        else:
            assert np.abs(noise).max() < 2e-6
    after = trainer.arrays()
    learn(*batch)
    two = trainer.arrays()
    trainer.restore(after)
    learn(*batch)
    for name, array in trainer.arrays().items():
        np.testing.assert_array_equal(array, two[name])


@pytest.mark.long
def test_the_step_compiles() -> None:
    trainer, _, batch = trainer_of("ogm_ge", grad_accum_steps=2)
    assert np.isfinite(tf.function(trainer.learn, jit_compile=True)(*batch)).all()


@pytest.mark.long
def test_a_modality_that_is_starved_is_recovered(tmp_path: Path) -> None:
    """`near` answers nearly everything, so that nothing is left to learn from `far`; asked alone it shows.

    On average: how much of it is recovered depends on the seed, from nothing to a third of the answers.
    """
    ways = ("none", "ogm", "ogm_ge")
    alone: dict[str, list[float]] = {way: [] for way in ways}
    for seed, way in product(range(3), ways):
        records, new = starved(400, seed), starved(200, seed + 10)
        methods = [way] if way != "none" else []
        training = mmzoo.Training(epochs=30, learning_rate=3e-3, ema_decay=0.0, modality_dropout=0.0, methods=methods)
        run = mmzoo.train(starved_spec(), records, training=training, out=tmp_path / f"{way}{seed}", seed=seed)
        found = run.evaluate(new)["subsets"]
        alone[way].append(found["far"]["accuracy"])
        assert found["near+far"]["accuracy"] > 0.95
    assert max(alone["none"]) < 0.45  # chance is 0.25
    for way in ways[1:]:
        assert np.mean(alone[way]) > np.mean(alone["none"]) + 0.04, alone


def test_one_modality_has_nobody_to_wait_for(tmp_path: Path) -> None:
    with pytest.raises(MMZooError, match="let one modality wait for the others, and this spec has only"):
        mmzoo.train(
            starved_spec().subset(["far"]), starved(40, 0), training=mmzoo.Training(methods=["ogm"]), out=tmp_path / "a"
        )
    with pytest.raises(MMZooError, match="Did you mean 'ogm'"):
        mmzoo.Training(methods=["ogn"])
