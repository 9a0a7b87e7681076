"""Which colours a picture has."""

from __future__ import annotations

from typing import Annotated

import keras
from keras import ops

from mmzoo.aliases import Config, Tensor
from mmzoo.declared import frozen_features
from mmzoo.modalities.image import Image
from mmzoo.options import Range
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers

LEAST = 1e-8  # of a share: a square root has no slope at zero


@towers.register("color_histogram", serves="image")
def color_histogram(x: Tensor, item: Image, *, bins: Annotated[int, Range(2, 16)] = 6) -> Tokens:
    """How much of a picture is of each colour, wherever it is (Swain & Ballard 1991, "Color indexing"). Nothing trains.

    Networks that were trained to name objects say little of their colours: so it stands beside one in a
    `feature_union`. uint8 (B, S, S, 3) -> `Tokens` (B, 1, bins**3): the square roots of the shares, a vector of length
    one.

    Args:
        bins: levels of red, of green and of blue; a pixel between two levels counts for both, as near as it is to each.
    """
    layer = frozen_features(item, ColorHistogram(bins, name=scoped(item)("frozen_features")))
    values = layer(x)
    return Tokens(values, ops.ones_like(values[..., 0], dtype="bool"))


@keras.saving.register_keras_serializable("mmzoo")
class ColorHistogram(keras.layers.Layer):
    """uint8 or float (B, H, W, 3) from 0 to 255 -> float32 (B, 1, bins**3).

    Counted by a product of matrices, in float32 whatever the policy: thousands of pixels are more than bfloat16 counts.
    """

    def __init__(self, bins: int, **kwargs: object) -> None:
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        self.bins = bins

    def get_config(self) -> Config:
        return {**super().get_config(), "bins": self.bins}

    def call(self, x: Tensor) -> Tensor:
        pixels = x.shape[1] * x.shape[2]
        levels = ops.reshape(ops.cast(x, "float32"), (-1, pixels, 3, 1)) * ((self.bins - 1) / 255.0)
        near = ops.relu(1.0 - ops.abs(levels - ops.arange(self.bins, dtype="float32")))
        red_green = ops.reshape(near[:, :, 0, :, None] * near[:, :, 1, None], (-1, pixels, self.bins**2))
        counts = ops.matmul(ops.transpose(red_green, (0, 2, 1)), near[:, :, 2])
        shares = ops.reshape(counts, (-1, 1, self.bins**3)) / pixels
        return ops.sqrt(ops.maximum(shares, LEAST))
