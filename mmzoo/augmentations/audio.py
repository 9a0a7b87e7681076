"""Variants of sounds, float32 (B, N): mono, then zeros."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.augmentations import augmentations
from mmzoo.draws import between, normals, uniforms


class Recorded(Protocol):
    """An input of samples at a rate."""

    @property
    def sample_rate(self) -> int: ...


@augmentations.register("time_shift", serves="audio")
def time_shift(batch: Tensor, keys: Tensor, item: object, *, share: float = 0.1) -> Tensor:
    """Moved later or earlier by up to a share of the length; what falls over the edge is lost."""
    length = batch.shape[1]
    shift = tf.cast(between(keys, 1, -1.0, 1.0) * (share * length), tf.int32)[:, None]
    source = tf.range(length)[None] - shift
    inside = (source >= 0) & (source < length)
    return tf.where(inside, tf.gather(batch, tf.clip_by_value(source, 0, length - 1), batch_dims=1), 0.0)


@augmentations.register("gain", serves="audio")
def gain(batch: Tensor, keys: Tensor, item: object, *, decibels: float = 6.0) -> Tensor:
    """Louder or softer by up to so many decibels."""
    return batch * tf.exp(between(keys, 1, -1.0, 1.0) * (decibels * math.log(10) / 20))[:, None]


@augmentations.register("noise", serves="audio")
def noise(batch: Tensor, keys: Tensor, item: object, *, low: float = 10.0, high: float = 40.0) -> Tensor:
    """White noise under the sound, at a signal-to-noise ratio between `low` and `high` decibels."""
    real = sounding(batch)
    count = tf.maximum(tf.reduce_sum(real, axis=1, keepdims=True), 1.0)
    power = tf.reduce_sum(batch * batch, axis=1, keepdims=True) / count
    ratio = between(keys, 1, low, high)[:, None]
    return batch + normals(keys, 2, (batch.shape[1],)) * tf.sqrt(power * 10.0 ** (-ratio / 10)) * real


@augmentations.register("speed", serves="audio")
def speed(batch: Tensor, keys: Tensor, item: object, *, share: float = 0.1) -> Tensor:
    """Played faster or slower by up to a share, and so higher or lower (Ko et al. 2015), by straight interpolation."""
    length = batch.shape[1]
    factor = 1.0 + share * between(keys, 1, -1.0, 1.0)[:, None]
    place = tf.range(length, dtype=tf.float32)[None] * factor
    left = tf.minimum(tf.cast(place, tf.int32), length - 2)
    part = place - tf.cast(left, tf.float32)
    early, late = (tf.gather(batch, left + k, batch_dims=1) for k in (0, 1))
    return tf.where(place <= length - 1, early * (1.0 - part) + late * part, 0.0)


@augmentations.register("silence", serves="audio")
def silence(batch: Tensor, keys: Tensor, item: object, *, share: float = 0.1) -> Tensor:
    """A stretch of up to a share of the length is silent ("time mask" of a waveform)."""
    length = batch.shape[1]
    draw = uniforms(keys, 1, (2,)) * length
    width = draw[:, :1] * share
    start = draw[:, 1:] * (1.0 - share)
    place = tf.range(length, dtype=tf.float32)[None]
    return tf.where((place >= start) & (place < start + width), 0.0, batch)


@augmentations.register("frequency_mask", serves="audio")
def frequency_mask(batch: Tensor, keys: Tensor, item: Recorded, *, share: float = 0.2) -> Tensor:
    """Without the frequencies of a band of up to a share of the mel scale (Park et al. 2019, arXiv:1904.08779)."""
    length = batch.shape[1]
    draw = uniforms(keys, 1, (2,))
    width = draw[:, :1] * share
    start = draw[:, 1:] * (1.0 - width)
    hertz = np.arange(length // 2 + 1) * item.sample_rate / length
    place = tf.constant(np.log1p(hertz / 700) / np.log1p(item.sample_rate / 1400), tf.float32)  # HTK's mel, 0 to 1
    kept = (place < start) | (place >= start + width)
    waves = tf.signal.irfft(tf.signal.rfft(batch) * tf.cast(kept, tf.complex64), [length])
    return tf.reshape(waves, batch.shape) * sounding(batch)


def sounding(batch: Tensor) -> Tensor:
    """1 up to the last sample that is not zero, 0 after it: the padding stays what it is."""
    loud = tf.cast(batch != 0, tf.float32)
    return tf.cast(tf.cumsum(loud, axis=1, reverse=True) > 0, tf.float32)
