"""Sensors, rebuilt as their channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.modalities.arrays import npy
from mmzoo.modalities.rebuilding import Rebuilding, along, hidden_parts, perceived
from mmzoo.modalities.shown import Shown, curves

if TYPE_CHECKING:
    from mmzoo.modalities.sensor import Sensor

STRETCHES = 16  # of the steps, of which some are hidden


class Channels(Rebuilding):
    """What was measured, in the channels' own units; what was not is not asked for."""

    measures: ClassVar[str] = "snr"

    def __init__(self, item: Sensor) -> None:
        self.item = item
        super().__init__(item.shape, np.tile(np.arange(item.channels), item.steps))

    def target(self, value: Raw) -> np.ndarray:
        return self.item.decode(value)

    def target_of(self, batch: Tensor) -> Tensor:
        import tensorflow as tf

        return tf.reshape(batch, (-1, self.cells))

    def layers(self, embedding: Tensor, units: int, name: str) -> Tensor:
        return perceived(embedding, units, name)

    def hide(self, batch: Tensor, keys: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """Stretches of a sixteenth of the steps, of all channels, are as if they had not been measured."""
        import tensorflow as tf

        steps = self.item.steps
        count = min(STRETCHES, steps)
        hidden = tf.gather(hidden_parts(keys, count, share), along(steps, count), axis=1)
        return tf.where(hidden[..., None], tf.constant(np.nan, batch.dtype), batch), tf.repeat(
            hidden, self.item.channels, axis=1
        )

    def hide_end(self, batch: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """The last steps of what was measured, of all channels."""
        import tensorflow as tf

        place = tf.range(self.item.steps)[None]
        measured = tf.reduce_any(batch == batch, axis=2)
        length = tf.reduce_max(tf.where(measured, place + 1, 0), axis=1, keepdims=True)
        wanted = tf.cast(tf.round(share * tf.cast(length, tf.float32)), tf.int32)
        hidden = place >= length - tf.minimum(tf.maximum(wanted, 1), length - 1)
        return tf.where(hidden[..., None], tf.constant(np.nan, batch.dtype), batch), tf.repeat(
            hidden & (place < length), self.item.channels, axis=1
        )

    def to_file(self, cells: np.ndarray) -> tuple[str, bytes]:
        """As the input reads it: with times where it has a rate, and turned where its channels come first."""
        series = cells.reshape(self.shape).astype(np.float64)
        if self.item.rate:
            series = np.column_stack([np.arange(len(series)) / self.item.rate, series])
        return ".npy", npy(series.T if self.item.channels_first else series)

    def shown(self, cells: np.ndarray) -> Shown:
        return Shown(curves=curves(cells.reshape(self.shape)))
