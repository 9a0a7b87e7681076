"""A convolutional network on the log-mel spectrogram, from scratch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from mmzoo.modalities.audio import Audio
from mmzoo.modalities.spectrogram import LogMel, SpecAugment
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers, trunk_name


@towers.register("spectrogram_cnn", serves="audio")
def spectrogram_cnn(
    x: Any, item: Audio, *, bands: int = 64, filters: Sequence[int] = (32, 64, 96, 128), augment: bool = True
) -> Tokens:
    """Log-mel, then 3x3 convolutions that halve time and frequency; one token a time step.

    float32 (B, N) -> `Tokens` (B, frames / 2**len(filters), filters[-1]).

    Args:
        bands: number of mel bands.
        filters: channels of the convolutions.
        augment: mask bands and stretches of time in training (SpecAugment).
    """
    name = scoped(item)
    frames, mask = LogMel(item.sample_rate, bands=bands, name=trunk_name(item))(x)
    if augment:
        frames = SpecAugment(name=name("augment"))(frames)
    x = frames[..., None]
    for index, width in enumerate(filters):
        x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False, name=name(f"conv{index}"))(x)
        x = keras.layers.BatchNormalization(name=name(f"norm{index}"))(x)
        x = keras.layers.ReLU(name=name(f"relu{index}"))(x)
        x = keras.layers.MaxPooling2D(name=name(f"pool{index}"))(x)
        # A step is real if the first frame it pools is: frames are real up to a point, then padding.
        mask = mask[:, : 2 * x.shape[1] : 2]
    return Tokens(ops.max(x, axis=2), mask)
