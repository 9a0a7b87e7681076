"""Pictures for a program without TensorFlow: read as `Image.decode` reads them, and squeezed by NumPy."""

from __future__ import annotations

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.modalities.image.pictures.exif import turned
from mmzoo.modalities.image.pictures.reading import read_picture


def read_image(value: Raw, name: str = "the image") -> np.ndarray:
    """Pixels uint8 (H, W, 3) of whatever `mmzoo.Image.decode` takes, right side up, what is transparent laid on white.

    Raises:
        MMZooError: it is no picture, is damaged, or is over the limits of `mmzoo.modalities.image.pictures.limits`.
    """
    return turned(*read_picture(value, name))


STRIP = 2**18  # pixels that are squeezed at once: a large picture takes little more than itself


def squeezed(pixels: np.ndarray, size: int) -> np.ndarray:
    """uint8 (H, W, 3) squeezed to (size, size, 3) as `tf.image.resize(method="bilinear", antialias=True)` does it."""
    height, width = pixels.shape[:2]
    if (height, width) == (size, size):
        return pixels
    if width > height:  # the longer side first: less lies between the two
        return squeezed(pixels.transpose(1, 0, 2), size).transpose(1, 0, 2)
    half = np.zeros((size, width * 3), np.float32)
    step = max(1, STRIP // width)
    for top in range(0, height, step):
        part = pixels[top : top + step].astype(np.float32)
        half += triangle(height, size, top, len(part)) @ part.reshape(len(part), -1)
    found: np.ndarray = triangle(width, size, 0, width) @ half.reshape(size, -1, 3)
    return np.asarray(np.clip(np.rint(found), 0, 255), np.uint8)


def triangle(length: int, size: int, start: int, count: int) -> np.ndarray:
    """Weights float32 (size, count) of a triangle filter, as wide as a new pixel is in old ones, at least 1.

    Of `length` old pixels, for the `count` from `start` on.
    """
    scale = length / size
    width = max(scale, 1.0)
    centre = (np.arange(size) + 0.5)[:, None] * scale
    # The sum over all old pixels, of which a filter reaches the nearest only.
    near = np.floor(centre - width) + np.arange(int(2 * width) + 3)
    total = (np.maximum(1 - np.abs(near + 0.5 - centre) / width, 0) * ((near >= 0) & (near < length))).sum(axis=1)
    away = np.abs(np.arange(start, start + count) + 0.5 - centre) / width
    return np.asarray(np.maximum(1 - away, 0) / total[:, None], np.float32)
