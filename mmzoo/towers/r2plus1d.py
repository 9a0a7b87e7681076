"""A video network of convolutions in space and time."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.modalities.video import Video
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers


@towers.register("r2plus1d", serves="video")
def r2plus1d(x: Tensor, item: Video, *, filters: Sequence[int] = (16, 32, 64)) -> Tokens:
    """Each convolution first over the picture, then over time: (2+1)D (Tran et al. 2018, arXiv:1711.11248).

    uint8 (B, T, S, S, 3) -> `Tokens` (B, T, filters[-1]), one a frame. Space halves at each stage by its
    stride; time stays, so that every frame has a token.
    """
    name = scoped(item)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name=name("scale"))(x)
    for index, width in enumerate(filters):
        for part, kernel, strides in (("space", (1, 3, 3), (1, 2, 2)), ("time", (3, 1, 1), 1)):
            label = f"{part}{index}"
            layer = keras.layers.Conv3D(width, kernel, strides, padding="same", use_bias=False, name=name(label))
            x = keras.layers.BatchNormalization(name=name(f"{label}_norm"))(layer(x))
            x = keras.layers.ReLU(name=name(f"{label}_relu"))(x)
    values = ops.mean(x, axis=(2, 3))
    return Tokens(values, ops.ones_like(values[..., 0], dtype="bool"))
