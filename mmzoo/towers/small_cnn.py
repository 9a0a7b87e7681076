"""A small image tower that trains from scratch in minutes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from mmzoo.modalities.image import Image
from mmzoo.tokens import Tokens
from mmzoo.towers import grid_tokens, scoped, towers


@towers.register("small_cnn", serves="image")
def small_cnn(x: Any, item: Image, *, filters: Sequence[int] = (32, 64, 128)) -> Tokens:
    """Convolutions of 3x3, each followed by batch normalisation and a pooling by two; one token a place.

    uint8 (B, S, S, 3) -> `Tokens` (B, (S / 2**len(filters))**2, filters[-1]).
    """
    name = scoped(item)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name=name("scale"))(x)
    for index, width in enumerate(filters):
        x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False, name=name(f"conv{index}"))(x)
        x = keras.layers.BatchNormalization(name=name(f"norm{index}"))(x)
        x = keras.layers.ReLU(name=name(f"relu{index}"))(x)
        x = keras.layers.MaxPooling2D(name=name(f"pool{index}"))(x)
    return grid_tokens(x)
