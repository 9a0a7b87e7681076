"""A convolutional network on the log-mel spectrogram, from scratch."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.errors import check_number
from mmzoo.modalities.audio import Audio
from mmzoo.modalities.audio.sequence import frames
from mmzoo.modalities.audio.spectrogram import SpecAugment
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers


@towers.register("spectrogram_cnn", serves="audio")
def spectrogram_cnn(
    x: Tensor,
    item: Audio,
    *,
    filters: Sequence[int] = (16, 32, 48, 64),
    dropout: float = 0.1,
    augment: float = 0.1,
) -> Tokens:
    """Log-mel, then 3x3 convolutions that halve time and frequency each; one token a time step.

    float32 (B, N) -> `Tokens` (B, frames / 2**len(filters), bands / 2**len(filters) * filters[-1]).

    Args:
        filters: channels of the convolutions.
        dropout: share of the last features left out in training.
        augment: width of the masked bands and stretches of time in training (SpecAugment), as a
            share of their axis; 0 for none.
    """
    name = scoped(item)
    values, mask = frames(x, item)
    check_number(f"The features of each frame of audio '{item.name}'", values.shape[2], 2 ** len(filters), 256)
    if augment:
        values = SpecAugment(augment, name=name("augment"))(values)
    x = values[..., None]
    for index, width in enumerate(filters):
        # The first halves by its stride: on the full picture a convolution costs as much as all others together.
        strides = 1 if index else 2
        x = keras.layers.Conv2D(width, 3, strides, padding="same", use_bias=False, name=name(f"conv{index}"))(x)
        x = keras.layers.BatchNormalization(momentum=0.9, name=name(f"norm{index}"))(x)
        x = keras.layers.ReLU(name=name(f"relu{index}"))(x)
        if index:
            x = keras.layers.MaxPooling2D(name=name(f"pool{index}"))(x)
        # A step is real if the first frame it pools is: frames are real up to a point, then padding.
        mask = mask[:, : 2 * x.shape[1] : 2]
    values = ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))
    return Tokens(keras.layers.Dropout(dropout, name=name("dropout"))(values), mask)
