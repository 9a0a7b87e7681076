"""Run by test_training_strategy.py in a process of its own, whose CPU is cut in two: what training gives on both.

With the argument "more", the ways to learn; without, what all of them stand on.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import mmzoo
from mmzoo.data.records import decode
from mmzoo.graph.cut import split
from mmzoo.labels import encode_labels
from mmzoo.training.distribution.synchronized import averaging
from mmzoo.training.features.compute import compute_features, first_variant
from mmzoo.training.feeds.batches import Varied
from mmzoo.training.feeds.feed import Stream
from mmzoo.training.loop import Loop
from mmzoo.training.step import prepared
from mmzoo.training.trainer import Trainer
from tests.conftest import small_records, small_spec

STEPS = 50
RECORDS = 20
LOW_RANK = {"tune": mmzoo.Tune("lora", rank=2), "tune_inputs": ["picture", "words"]}
# What goes together is trained together: each training compiles a graph of its own, which is what takes the time.
TOGETHER = {"methods": ["fgsm", "pruning"]}
WEIGHED = {"methods": ["ogm_ge", mmzoo.Method("gradient_blending", epochs=2)]}


def no_dropout(model: keras.Model) -> None:
    """Nothing is drawn in the model, so that what is computed does not depend on who computes it."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0


def spec() -> mmzoo.Spec:
    tasks = [
        mmzoo.Classification("animal", labels=("cat", "dog", "bird"), auxiliary=0.5),
        mmzoo.Regression("size"),
        mmzoo.Retrieval("match", dim=8, weight=0.5),
    ]
    return small_spec(tasks=tasks, task_weights="learned").subset(["picture", "words"])


def train(strategy: tf.distribute.Strategy, norm: str = "", **changes: Any) -> list[np.ndarray]:
    """All weights after some steps. Labels are missing here and there, more in one half of a batch than the other."""
    records = small_records(RECORDS)
    records.columns["animal"] = [None if k % 3 == 0 else label for k, label in enumerate(records.columns["animal"])]
    records.columns["size"] = [None if k % 3 == 1 else float(k) / RECORDS for k in range(RECORDS)]
    with strategy.scope(), tempfile.TemporaryDirectory() as folder:
        keras.utils.set_random_seed(0)
        model = mmzoo.build(spec())
        no_dropout(model)
        model.get_layer("fusion.dense").kernel.regularizer = keras.regularizers.L2(0.05)
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = norm != "frozen"
        training = mmzoo.Training(epochs=STEPS * 4 // RECORDS, batch_size=4, learning_rate=1e-3, **changes)
        features = compute_features(split(model), model.spec, decode(model.spec, records))
        labels = encode_labels(model.spec.tasks, records)
        feed = Stream(features, labels, Varied(modality_dropout=0.2), batch_size=4, seed=0)
        rest = prepared(model.spec, split(model).rest, training)
        few = (first_variant(features), labels) if "gradient_blending" in training.method_names else None
        loop = Loop(model.spec, rest, feed, few, training, Path(folder), ids=records.ids)
        loop.run()
        assert loop.state.step == STEPS
        return [np.asarray(v.numpy(), np.float64) for v in model.variables if "seed_generator" not in v.path]


def difference(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))


def untrained() -> list[np.ndarray]:
    """The weights that all of them begin with."""
    keras.utils.set_random_seed(0)
    return [np.asarray(v.numpy(), np.float64) for v in mmzoo.build(spec()).variables if "seed_gen" not in v.path]


def trained(weights: list[np.ndarray]) -> list[np.ndarray]:
    """Of all weights those that train, without the moving statistics."""
    variables = [v for v in mmzoo.build(spec()).variables if "seed_generator" not in v.path]
    return [each for each, variable in zip(weights, variables, strict=True) if variable.trainable]


def averaged(strategy: tf.distribute.Strategy) -> list[list[float]]:
    """What moving statistics are on each replica that were 0 on one and 1 on the other, once they are averaged."""
    with strategy.scope():
        layer = keras.layers.BatchNormalization()
        model = keras.Sequential([keras.Input((3,)), layer])

        def differ() -> None:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            layer.moving_mean.assign(tf.fill([3], tf.cast(replica, tf.float32)))

        strategy.run(tf.function(differ))
        averaging(model)()
        found = strategy.run(tf.function(lambda: tf.identity(layer.moving_mean.value)))
        return [each.numpy().tolist() for each in strategy.experimental_local_results(found)]


def dropouts(strategy: tf.distribute.Strategy) -> list[list[bool]]:
    """Which places a dropout layer leaves out on each replica: at a step, at the next, there again after a restart."""
    with strategy.scope():
        spec = small_spec()
        model = mmzoo.build(spec)
        trainer = Trainer(spec, model, mmzoo.Training(), 10)
        dropout = model.get_layer(f"{spec.tasks[0].name}.head").layers[0]

        @tf.function
        def draw() -> Any:
            return strategy.run(lambda: dropout(tf.ones((1, 64)), training=True))

        def drawn() -> list[list[bool]]:
            return [(each.numpy()[0] > 0).tolist() for each in strategy.experimental_local_results(draw())]

        first = drawn()
        kept = trainer.arrays()
        second = drawn()
        trainer.restore(kept)
        return [*first, *second, *drawn()]


if __name__ == "__main__":
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], halves)
    one = tf.distribute.OneDeviceStrategy("CPU:0")
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice())
    frozen = train(one, "frozen")
    if sys.argv[1:] == ["more"]:
        found = {
            "replicas": difference(frozen, train(two, "frozen")),
            "accumulated": difference(frozen, train(one, "frozen", grad_accum_steps=2)),
            "attacked": difference(*(train(each, "frozen", **TOGETHER) for each in (one, two))),
            "low rank": difference(train(one, **LOW_RANK), train(two, **LOW_RANK)),
            "modulated": difference(
                train(one, "frozen", **WEIGHED), train(two, "frozen", **WEIGHED, grad_accum_steps=2)
            ),
            "from the start": difference(frozen, untrained()),
            "in 16 bits": difference(frozen, train(two, "frozen", allreduce_dtype="bfloat16")),
        }
    else:
        whole = train(one)
        found = {
            "moved": difference(frozen, whole),
            "synchronized": difference(whole, train(two)),
            "by themselves": difference(
                trained(train(one, grad_accum_steps=2)), trained(train(two, sync_batch_norm=False))
            ),
            "averaged": averaged(two),
            "accumulated on two": difference(frozen, train(two, "frozen", grad_accum_steps=2)),
            "dropouts": dropouts(two),
        }
    json.dump(found, sys.stdout)
