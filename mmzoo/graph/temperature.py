"""How far the probabilities of a task are to be trusted, by the modalities that an example really has."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops
from keras.layers import Layer

from mmzoo.aliases import Shape, Tensor
from mmzoo.tasks.base import Task

MOST = 6
"""Modalities whose subsets have a temperature each; of more, the subsets of one size share theirs."""


@keras.saving.register_keras_serializable("mmzoo")
class Temperature(Layer):
    """What a task's logits are divided by: bool (B, M), which modalities are really there -> float32 (B, 1).

    Guo et al. 2017, "On Calibration of Modern Neural Networks", arXiv:1706.04599, with a temperature for each subset of
    the modalities. `temperatures` do not train: they are 1 until `mmzoo.inference.calibrate` has fitted them on
    validation records, when training ends.
    """

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def build(self, shape: Shape) -> None:
        count = int(shape[-1] or 0)
        self.places = places_of(count)
        size = 2**count if count <= MOST else count + 1
        self.temperatures = self.add_weight(shape=(size,), initializer="ones", trainable=False, name="temperatures")

    def call(self, present: Tensor) -> Tensor:
        place = ops.sum(ops.cast(present, "float32") * self.places, axis=1, keepdims=True)
        # Not by a gather, which an export in 8 bits would round.
        chosen = ops.cast(ops.equal(place, ops.arange(self.temperatures.shape[0], dtype="float32")[None]), "float32")
        return ops.sum(chosen * self.temperatures[None], axis=1, keepdims=True)

    def reset(self) -> None:
        """Let every temperature be 1 again, as training wants it."""
        self.temperatures.assign(np.ones(self.temperatures.shape, np.float32))

    def place(self, present: np.ndarray) -> np.ndarray:
        """Where in `temperatures` that of examples stands, int (N,), from which modalities they have, bool (N, M)."""
        return np.asarray((present * self.places).sum(axis=1), int)


def places_of(count: int) -> np.ndarray:
    """What each of `count` modalities adds to the place of a subset, float32: powers of two, or 1 each."""
    return np.float32(2) ** np.arange(count, dtype=np.float32) if count <= MOST else np.ones(count, np.float32)


def calibrated(task: Task, logits: Tensor, present: Tensor) -> tuple[Tensor, tuple[Layer | None, Temperature | None]]:
    """A task's logits (B, units) at the temperature of what is present, bool (B, M), and the layers that this takes.

    The first of these puts the logits out as they were. A task without probabilities has none, and keeps its logits.
    """
    if not task.tags.probabilistic:
        return logits, (None, None)
    before = keras.layers.Identity(dtype="float32", name=f"{task.name}.uncalibrated")
    temperature = Temperature(name=f"{task.name}.temperature")
    return task.tempered(before(logits), temperature(present)), (before, temperature)
