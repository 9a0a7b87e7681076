"""Variants of sensor series, float32 (B, steps, channels); NaN is a gap and stays one.

Um et al. 2017, "Data augmentation of wearable sensor data", arXiv:1706.00527.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.augmentations import augmentations
from mmzoo.draws import between, normals


class Standardised(Protocol):
    """An input whose channels have a mean and a deviation over the training records."""

    @property
    def means(self) -> Sequence[float]: ...

    @property
    def deviations(self) -> Sequence[float]: ...


@augmentations.register("jitter", serves="sensor")
def jitter(batch: Tensor, keys: Tensor, item: Standardised, *, share: float = 0.05) -> Tensor:
    """Noise of a share of each channel's deviation over the training records."""
    return batch + normals(keys, 1, tuple(batch.shape[1:])) * (share * tf.constant(item.deviations, tf.float32))


@augmentations.register("scaling", serves="sensor")
def scaling(batch: Tensor, keys: Tensor, item: Standardised, *, share: float = 0.1) -> Tensor:
    """Each channel larger or smaller by up to a share, about its mean over the training records."""
    mean = tf.constant(item.means, tf.float32)
    return mean + (batch - mean) * (1.0 + between(keys, 1, -share, share, (1, batch.shape[2])))


@augmentations.register("time_warp", serves="sensor")
def time_warp(batch: Tensor, keys: Tensor, item: object, *, share: float = 0.1) -> Tensor:
    """Time runs faster in one part and slower in another, by up to a share of the length; both ends stay."""
    steps = batch.shape[1]
    time = tf.range(steps, dtype=tf.float32)[None] / (steps - 1)
    # One arc of a sine, at most 1 / pi high where time may not run backwards.
    bend = between(keys, 1, -share, share)[:, None]
    place = tf.clip_by_value(time + bend * tf.sin(3.14159265 * time), 0.0, 1.0) * (steps - 1)
    left = tf.minimum(tf.cast(place, tf.int32), steps - 2)
    part = (place - tf.cast(left, tf.float32))[..., None]
    early, late = (tf.gather(batch, left + k, batch_dims=1) for k in (0, 1))
    # At a measured step its neighbour counts for nothing, not even as a gap.
    return tf.where(part == 0, early, tf.where(part == 1, late, early * (1.0 - part) + late * part))
