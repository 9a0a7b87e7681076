"""The optimizer against the paper's formulas in float64 and against Keras's own."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from mmzoo.training.optimizer import AdamW

STEPS, DECAY = 20, 0.1


def slopes() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(STEPS, 4, 3))


def start() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(4, 3))


def rate(step: Any) -> Any:
    return 0.1 / (1.0 + step)


class Falling(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step: Any) -> Any:
        return rate(tf.cast(step, tf.float32))


def by_the_paper() -> np.ndarray:
    """Algorithm 2 of arXiv:1711.05101, with Keras's place of epsilon and the rate on the decay as in Keras."""
    x, m, v = start(), np.zeros((4, 3)), np.zeros((4, 3))
    for step, slope in enumerate(slopes()):
        x = x * (1 - DECAY * rate(step))
        m = 0.9 * m + 0.1 * slope
        v = 0.999 * v + 0.001 * slope**2
        alpha = rate(step) * np.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
        x = x - alpha * m / (np.sqrt(v) + 1e-7)
    return x


def trained(kind: type, jit_compile: bool = False) -> tuple[np.ndarray, list[np.ndarray]]:
    variable = keras.Variable(start().astype(np.float32))
    optimizer = kind(Falling(), weight_decay=DECAY)
    optimizer.build([variable])
    step = tf.function(lambda slope: optimizer.apply([slope], [variable]), jit_compile=jit_compile, autograph=False)
    for slope in slopes():
        step(tf.constant(slope, tf.float32))
    return variable.numpy(), [np.asarray(v) for v in optimizer.variables]


@pytest.mark.parametrize("jit_compile", [False, True])
def test_it_is_the_papers(jit_compile: bool) -> None:
    np.testing.assert_allclose(trained(AdamW, jit_compile)[0], by_the_paper(), atol=2e-6)


def test_its_state_is_kerass() -> None:
    ours, theirs = trained(AdamW)[1], trained(keras.optimizers.AdamW)[1]
    for found, wanted in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-7)


def test_what_does_not_decay_is_left_alone_without_a_slope() -> None:
    decays, stays = keras.Variable(np.ones(3, np.float32)), keras.Variable(np.ones(3, np.float32))
    optimizer = AdamW(0.1, weight_decay=DECAY)
    optimizer.exclude_from_weight_decay([stays])
    optimizer.build([decays, stays])
    optimizer.apply([tf.zeros(3), tf.zeros(3)], [decays, stays])
    np.testing.assert_allclose(decays.numpy(), 1 - 0.1 * DECAY, rtol=1e-6)
    np.testing.assert_array_equal(stays.numpy(), np.ones(3))
