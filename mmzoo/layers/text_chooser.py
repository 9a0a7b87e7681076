"""A text that is chosen among those that training has seen."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Config, Shape, Tensor

LEAST = 1e-6
"""The lowest value of a choice that has a logarithm."""


@keras.saving.register_keras_serializable("mmzoo")
class Apart(keras.layers.Layer):
    """How far a vector is from that of each of some training records, and how far a vector of zeros is.

    (B, any) -> float32 (B, 2, count): squared distances of deviations from the mean, as multiples of their own mean
    square. Zeros stand for what is absent. Nothing of it trains; `mmzoo.training.fitted.start` chooses the records.
    """

    def __init__(self, count: int, **kwargs: object) -> None:
        super().__init__(**{"dtype": "float32", "trainable": False, **kwargs})
        self.count = count

    def get_config(self) -> Config:
        return {**super().get_config(), "count": self.count}

    def build(self, shape: Shape) -> None:
        width = int(shape[-1] or 0)
        self.centre = self.add_weight(shape=(width,), initializer="zeros", name="centre")
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
        self.places = self.add_weight(shape=(width, self.count), initializer="random_normal", name="places")

    def call(self, x: Tensor) -> Tensor:
        x = (x - self.centre[None]) * self.scale
        from_zero = ops.sum(ops.square(self.places), axis=0, keepdims=True)
        own = ops.sum(ops.square(x), axis=1, keepdims=True)
        found = ops.maximum(own + from_zero - 2.0 * ops.matmul(x, self.places), 0.0)
        return ops.stack([found, ops.zeros_like(found) + from_zero], axis=1)

    def hold(self, x: np.ndarray, rows: np.ndarray, there: np.ndarray) -> None:
        """Take some of the vectors of training records.

        Args:
            x: float32 (N, D).
            rows: which ones, int (count,).
            there: bool (N,), which are not absent.
        """
        centre = x[there].mean(axis=0) if there.any() else np.zeros(x.shape[1], np.float32)
        x = np.where(there[:, None], x - centre, 0.0)
        square = np.square(x).sum(axis=1)[there].mean() if there.any() else 1.0
        scale = np.float32(1.0 / np.sqrt(max(square, 1e-12)))
        self.set_weights([centre, scale, (x[rows] * scale).T])


@keras.saving.register_keras_serializable("mmzoo")
class TextChooser(keras.layers.Layer):
    """How near an example is to each of some training records, and what is to be added -> the text that is worth most.

    float32 (B, L) and (B, C) -> float32 (B, tokens + 1): its ids, zeros behind their end, and in the last place the
    logarithm of what it is worth. That is linear in how near the records are; `mmzoo.training.fitted.start` finds the
    weights.

    Args:
        table: the ids of the choices, int (C, tokens), zeros behind their ends.
    """

    def __init__(self, table: Sequence[Sequence[int]] | np.ndarray, **kwargs: object) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.table = np.asarray(table, np.int32)
        self.count, self.tokens = self.table.shape
        self.worth = keras.layers.Dense(self.count, dtype="float32", name="worth")

    def get_config(self) -> Config:
        return {**super().get_config(), "table": self.table.tolist()}

    def build(self, near_shape: Shape, learned_shape: Shape) -> None:
        self.worth.build(near_shape)

    def compute_output_spec(self, near: Tensor, learned: Tensor) -> Tensor:
        return keras.KerasTensor((near.shape[0], self.tokens + 1), "float32")

    def taught(self, near: Tensor, learned: Tensor, ids: Tensor, training: bool = False) -> Tensor:
        """What each choice is worth, float32 (B, C), which does not depend on the ids of right answers."""
        worth: Tensor = self.worth(near) + learned
        return worth

    def call(self, near: Tensor, learned: Tensor) -> Tensor:
        worth = self.worth(near) + learned
        best = ops.max(worth, axis=-1, keepdims=True)
        # Keras's argmax looks at the sign of zeros by an operation that TFLite has no builtin of.
        places = ops.where(worth >= best, ops.arange(self.count, dtype="int32"), self.count - 1)
        ids = ops.take(ops.convert_to_tensor(self.table), ops.min(places, axis=-1), axis=0)
        return ops.concatenate([ops.cast(ids, "float32"), ops.log(ops.clip(best, LEAST, 1.0))], axis=1)
