"""A convolutional network on the log-mel spectrogram, from scratch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from mmzoo.errors import check_number
from mmzoo.modalities.audio import Audio
from mmzoo.modalities.spectrogram import LogMel, SpecAugment
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers, trunk_name


@towers.register("spectrogram_cnn", serves="audio")
def spectrogram_cnn(
    x: Any,
    item: Audio,
    *,
    bands: int = 40,
    filters: Sequence[int] = (16, 32, 48, 64),
    dropout: float = 0.1,
    augment: float = 0.1,
) -> Tokens:
    """Log-mel, then 3x3 convolutions that halve time and frequency each; one token a time step.

    float32 (B, N) -> `Tokens` (B, frames / 2**len(filters), bands / 2**len(filters) * filters[-1]).

    Args:
        bands: number of mel bands.
        filters: channels of the convolutions.
        dropout: share of the last features left out in training.
        augment: width of the masked bands and stretches of time in training (SpecAugment), as a
            share of their axis; 0 for none.
    """
    name = scoped(item)
    check_number(f"The bands of the tower of input '{item.name}'", bands, 2 ** len(filters), 256, whole=True)
    frames, mask = LogMel(item.sample_rate, bands=bands, name=trunk_name(item))(x)
    if augment:
        frames = SpecAugment(augment, name=name("augment"))(frames)
    x = frames[..., None]
    for index, width in enumerate(filters):
        # The first halves by its stride: on the full picture a convolution costs as much as all others together.
        strides = 1 if index else 2
        x = keras.layers.Conv2D(width, 3, strides, padding="same", use_bias=False, name=name(f"conv{index}"))(x)
        x = keras.layers.BatchNormalization(name=name(f"norm{index}"))(x)
        x = keras.layers.ReLU(name=name(f"relu{index}"))(x)
        if index:
            x = keras.layers.MaxPooling2D(name=name(f"pool{index}"))(x)
        # A step is real if the first frame it pools is: frames are real up to a point, then padding.
        mask = mask[:, : 2 * x.shape[1] : 2]
    values = ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))
    return Tokens(keras.layers.Dropout(dropout, name=name("dropout"))(values), mask)
