"""Pictures squeezed by TensorFlow to the size that a model takes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.aliases import Tensor

if TYPE_CHECKING:
    import keras

NARROW = 2**25
"""Numbers that may lie between the squeezing of rows and that of columns, 4 bytes each; else the picture is laid on its
side first, so that the longer side is squeezed before the shorter."""
MEDIUM = 2**20
"""Pixels of an array up to which Pillow squeezes it: by the same filter, within one level of 255, in half the time or
less. Larger ones TensorFlow squeezes faster."""
LARGE, STRIP = 20_000_000, 2_000_000
"""Pixels of an array from which on it is squeezed in strips, and those of a strip."""


def resize(image: Tensor, size: int) -> Tensor:
    """Squeeze uint8 (H, W, 3) to uint8 (size, size, 3); shrinking averages, so that nothing aliases."""
    import tensorflow as tf

    def squeezed() -> Tensor:
        def stretched(image: Tensor, antialias: bool) -> Tensor:
            return tf.image.resize(image, (size, size), method="bilinear", antialias=antialias)

        def averaged() -> Tensor:
            return tf.cond(
                tf.shape(image)[1] <= NARROW // (3 * size),
                lambda: stretched(image, True),
                lambda: tf.transpose(stretched(tf.transpose(image, (1, 0, 2)), True), (1, 0, 2)),
            )

        # Enlarging needs no averaging; what could do it would give the same, at four times the cost.
        grows = tf.reduce_all(tf.shape(image)[:2] <= size)
        found = tf.cond(grows, lambda: stretched(image, False), averaged)
        return tf.cast(tf.clip_by_value(tf.round(found), 0.0, 255.0), tf.uint8)

    # A picture of that size already would come out as it went in, at five times the cost of decoding it.
    there = tf.reduce_all(tf.equal(tf.shape(image)[:2], size))
    return tf.ensure_shape(tf.cond(there, lambda: image, squeezed), (size, size, 3))


def resized(image: np.ndarray, size: int) -> np.ndarray:
    """`resize` of an array."""
    if image.shape == (size, size, 3):
        return image
    if image.shape[0] * image.shape[1] <= MEDIUM:
        return by_pillow(image, (size, size))
    if image.shape[0] * image.shape[1] <= LARGE:
        return np.asarray(resizer(size)(image))
    if image.shape[0] > image.shape[1]:
        return resized(image.transpose(1, 0, 2), size).transpose(1, 0, 2)
    # TensorFlow copies an array that it is given twice. So Pillow's filter of the same shape does the longer side.
    step = max(1, STRIP // image.shape[1])
    strips = [image[top : top + step] for top in range(0, len(image), step)]
    return np.asarray(resizer(size)(np.concatenate([by_pillow(strip, (size, len(strip))) for strip in strips])))


def by_pillow(image: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
    """uint8 (H, W, 3) to (height, width, 3), for `sides` (width, height)."""
    from PIL import Image as Pillow

    return np.asarray(Pillow.fromarray(np.ascontiguousarray(image)).resize(sides, Pillow.Resampling.BILINEAR))


@lru_cache(maxsize=16)
def resizer(size: int) -> keras.Model:
    """`resize` for one size, compiled; op by op it takes half as long again."""
    import tensorflow as tf

    signature = [tf.TensorSpec((None, None, 3), tf.uint8)]
    return tf.function(lambda image: resize(image, size), input_signature=signature, autograph=False)
