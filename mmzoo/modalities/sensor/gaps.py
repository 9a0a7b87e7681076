"""Gaps in a time series, filled inside the graph."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.tokens import is_number, until_last

FAR = 1e9  # steps to a measurement that there is not


@keras.saving.register_keras_serializable("mmzoo")
class FillGaps(keras.layers.Layer):
    """A series with NaN in its gaps, normalised and filled: float32 (B, T, C) -> (B, T, 2 C) and its mask bool (B, T).

    First the channels, brought to mean 0 and deviation 1, a gap being the straight line between the
    measurements before and after it (before the first and after the last, that one; a channel that
    was never measured is 0, its mean); then, channel by channel, 1 where it was measured and 0 in a gap.
    A step is real if any channel was measured at it, or before and after it.

    Args:
        means, deviations: of the channels.
        each: bring every channel to mean 0 and deviation 1 over the record's own measurements, too.
    """

    def __init__(
        self, means: Sequence[float], deviations: Sequence[float], *, each: bool = False, **kwargs: object
    ) -> None:
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        self.each = each
        self.means = np.array(means, np.float32)
        self.deviations = np.array(deviations, np.float32)

    def get_config(self) -> dict[str, object]:
        own = {"means": self.means.tolist(), "deviations": self.deviations.tolist(), "each": self.each}
        return {**super().get_config(), **own}

    def call(self, x: Tensor) -> tuple[Tensor, Tensor]:
        measured = is_number(x)
        x = ops.where(measured, (x - self.means) / self.deviations, 0.0)
        known = ops.cast(measured, "float32")
        if self.each:
            x = own_scale(x, known)
        before, steps_before = nearest(x, known)
        after, steps_after = (ops.flip(part, axis=1) for part in nearest(ops.flip(x, axis=1), ops.flip(known, axis=1)))
        reach = steps_before + steps_after
        # At a measurement both distances are 0 and both values are it.
        share = ops.where(reach > 0, steps_before / ops.maximum(reach, 1.0), 0.0)
        filled = before + (after - before) * share
        filled = ops.where(steps_before >= FAR, after, ops.where(steps_after >= FAR, before, filled))
        any_known = ops.max(known, axis=2)
        started = ops.cumsum(any_known, axis=1) > 0
        mask = ops.logical_and(started, until_last(any_known))
        both = ops.concatenate([filled, known], axis=-1)
        return ops.where(mask[..., None], both, 0.0), mask


def own_scale(x: Tensor, known: Tensor) -> Tensor:
    """Each channel's measurements at mean 0 and deviation 1, 0 in its gaps; one that never changes is 0."""
    count = ops.maximum(ops.sum(known, axis=1, keepdims=True), 1.0)
    x = (x - ops.sum(x * known, axis=1, keepdims=True) / count) * known
    return x / ops.sqrt(ops.sum(ops.square(x), axis=1, keepdims=True) / count + 1e-6)


def nearest(x: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """The last known value at or before each step, and how many steps ago; 0 and at least `FAR` where there is none.

    By doubling: after k rounds every step has looked 2**k - 1 steps back.
    """
    value, distance = x * known, ops.where(known > 0, 0.0, FAR)
    step = 1
    while step < x.shape[1]:
        earlier = ops.pad(value[:, :-step], ((0, 0), (step, 0), (0, 0)))
        ago = ops.pad(distance[:, :-step] + step, ((0, 0), (step, 0), (0, 0)), constant_values=FAR)
        closer = ago < distance
        value, distance = ops.where(closer, earlier, value), ops.where(closer, ago, distance)
        step *= 2
    return value, distance
