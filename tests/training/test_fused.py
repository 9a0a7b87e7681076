"""Batch normalization as one operation: the numbers and the gradients of Keras's own, and of NumPy in float64."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from mmzoo.training.model.fused import fuse

ROOT = Path(__file__).parents[2]
RANDOM = np.random.default_rng(0)


def made(shape: tuple[int, ...], **options: Any) -> keras.Model:
    """A model of one normalization of (B, *shape), whose weights are drawn."""
    start = keras.Input(shape)
    layer = keras.layers.BatchNormalization(momentum=0.8, epsilon=1e-4, name="norm", **options)
    model = keras.Model(start, layer(start))
    draw = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(draw.uniform(0.5, 2.0, weight.shape))
    return model


def stepped(model: Any, x: np.ndarray, slope: np.ndarray, layer: Any = None, **call: Any) -> list[np.ndarray]:
    """What a step in training gives: the output, the gradients of its product with `slope`, and all weights after.

    Args:
        layer: whose weights they are; the model's, if not given.
    """
    layer = layer or model
    given = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(given)
        y = model(given, **{"training": True, **call})
        loss = tf.reduce_sum(y * slope)
    variables = [variable.value for variable in layer.trainable_variables]
    gradients = tape.gradient(loss, [given, *variables], unconnected_gradients="zero")
    return [each.numpy() for each in (y, *gradients, *(weight.value for weight in layer.weights))]


@pytest.mark.parametrize("shape", [(5,), (7, 5), (6, 4, 5), (3, 6, 4, 5)])
def test_as_by_hand(shape: tuple[int, ...]) -> None:
    model = made(shape)
    gamma, beta, mean, variance = (weight.numpy().astype(np.float64) for weight in model.weights)
    fuse(model)
    x = RANDOM.normal(3.0, 2.0, (8, *shape)).astype(np.float32)
    slope = RANDOM.normal(size=x.shape).astype(np.float32)
    rows, slopes = x.reshape(-1, 5).astype(np.float64), slope.reshape(-1, 5).astype(np.float64)
    deviation = np.sqrt(rows.var(axis=0) + 1e-4)
    normal = (rows - rows.mean(axis=0)) / deviation
    inside = slopes - slopes.mean(axis=0) - normal * (slopes * normal).mean(axis=0)
    wanted = [
        (normal * gamma + beta).reshape(x.shape),
        (gamma / deviation * inside).reshape(x.shape),
        (slopes * normal).sum(axis=0),
        slopes.sum(axis=0),
        gamma,
        beta,
        0.8 * mean + 0.2 * rows.mean(axis=0),
        0.8 * variance + 0.2 * rows.var(axis=0),
    ]
    for found, each in zip(stepped(model, x, slope), wanted, strict=True):
        np.testing.assert_allclose(found, each, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("shape", [(7, 5), (6, 4, 5)])
@pytest.mark.parametrize("whole", [True, False])
def test_with_a_mask(shape: tuple[int, ...], whole: bool) -> None:
    """As Keras's own; the output at places that do not count depends on the others all the same."""
    x, slope = (RANDOM.normal(1.0, 2.0, (8, *shape)).astype(np.float32) for _ in range(2))
    mask = tf.constant(RANDOM.random((8, *shape[:-1])) < (1.0 if whole else 0.7))
    found = []
    for fused in (False, True):
        model = made(shape)
        layer = model.get_layer("norm")
        if fused:
            fuse(model)
        found.append(stepped(lambda x, training, layer=layer: layer(x, training=training, mask=mask), x, slope, layer))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("options", "call"),
    [({}, {"training": False}), ({"center": False}, {}), ({"axis": 1}, {}), ({"trainable": False}, {})],
    ids=["inference", "no_offset", "first_axis", "frozen"],
)
def test_what_is_left_to_keras(options: dict[str, Any], call: dict[str, Any]) -> None:
    x, slope = RANDOM.normal(size=(2, 4, 6, 5)).astype(np.float32), np.ones((4, 6, 5), np.float32)
    one, other = made((6, 5), **options), made((6, 5), **options)
    fuse(other)
    for found, wanted in zip(stepped(other, x[0], slope, **call), stepped(one, x[0], slope, **call), strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.long
def test_two_replicas_are_one() -> None:
    """Half of a batch each: the output, the gradients and the moving statistics of the whole batch on one."""
    code = """
import keras, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from mmzoo.training.model.fused import fuse
random = np.random.default_rng(0)
x, slope = (random.normal(1.0, 2.0, (8, 3, 6, 5)).astype(np.float32) for _ in range(2))
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice())
with strategy.scope():
    layer = keras.layers.BatchNormalization(momentum=0.8)
    layer.build(x.shape)
    layer.gamma.assign(np.arange(1, 6))
holder = type("Holder", (), {"_flatten_layers": lambda self: [layer]})()
fuse(holder)

def step(parts):
    x, slope = parts
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        loss = tf.reduce_sum(y * slope)
    return (y, *tape.gradient(loss, [x, layer.gamma.value, layer.beta.value]))

def replica(context, array):
    return array[context.replica_id_in_sync_group::2]

def parts(context):
    return replica(context, tf.constant(x)), replica(context, tf.constant(slope))

halves = strategy.experimental_distribute_values_from_function(parts)
y, d_x, d_gamma, d_beta = tf.function(lambda: strategy.run(step, args=(halves,)))()
rows, slopes = (each.reshape(-1, 5).astype(np.float64) for each in (x, slope))
deviation = np.sqrt(rows.var(0) + 1e-3)
normal = (rows - rows.mean(0)) / deviation
gamma = np.arange(1, 6)
inside = slopes - slopes.mean(0) - normal * (slopes * normal).mean(0)
wanted = normal * gamma, gamma / deviation * inside
for found, each in zip((y, d_x), wanted):
    both = np.empty_like(x)
    both[0::2], both[1::2] = (part.numpy() for part in strategy.experimental_local_results(found))
    np.testing.assert_allclose(both, each.reshape(x.shape), rtol=1e-5, atol=2e-5)
for found, each in ((d_gamma, (slopes * normal).sum(0)), (d_beta, slopes.sum(0))):
    whole = sum(part.numpy() for part in strategy.experimental_local_results(found))
    np.testing.assert_allclose(whole, each, rtol=1e-4)
np.testing.assert_allclose(layer.moving_mean.numpy(), 0.2 * rows.mean(0), rtol=1e-5)
np.testing.assert_allclose(layer.moving_variance.numpy(), 0.8 + 0.2 * rows.var(0), rtol=1e-5)
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
