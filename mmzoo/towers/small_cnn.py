"""A small image tower that trains from scratch in minutes."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from mmzoo.aliases import Tensor
from mmzoo.errors import require
from mmzoo.modalities.image import Image
from mmzoo.tokens import Tokens
from mmzoo.towers import grid_tokens, scoped, towers


def check_filters(item: Image, *, filters: Sequence[int]) -> None:
    """Something is left of the picture after the last pooling."""
    require(
        2 ** len(filters) <= item.size,
        f"Tower 'small_cnn' halves a picture {len(filters)} times, and input '{item.name}' has {item.size} pixels a "
        "side; give it fewer filters.",
    )


@towers.register("small_cnn", check_filters, serves="image")
def small_cnn(x: Tensor, item: Image, *, filters: Sequence[int] = (32, 64, 128)) -> Tokens:
    """Convolutions of 3x3, each followed by batch normalisation and a pooling by two; one token a place.

    uint8 (B, S, S, 3) -> `Tokens` (B, (S / 2**len(filters))**2, filters[-1]).
    """
    name = scoped(item)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name=name("scale"))(x)
    for index, width in enumerate(filters):
        x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False, name=name(f"conv{index}"))(x)
        x = keras.layers.BatchNormalization(momentum=0.9, name=name(f"norm{index}"))(x)
        x = keras.layers.ReLU(name=name(f"relu{index}"))(x)
        x = keras.layers.MaxPooling2D(name=name(f"pool{index}"))(x)
    return grid_tokens(x, item)
