"""Which colours a picture has: held against counting pixel by pixel."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.towers.color_histogram import ColorHistogram
from tests.zoo import TASK


def counted(picture: np.ndarray, bins: int) -> np.ndarray:
    """Each pixel shared out between the levels that its red, its green and its blue lie between."""
    found = np.zeros((bins, bins, bins))
    for pixel in picture.reshape(-1, 3) / 255 * (bins - 1):
        low = np.minimum(pixel.astype(int), bins - 2)
        for corner in itertools.product((0, 1), repeat=3):
            found[tuple(low + corner)] += np.prod(np.where(corner, pixel - low, 1 - (pixel - low)))
    return np.sqrt(found / found.sum()).ravel()


@pytest.mark.parametrize("bins", [2, 6])
def test_as_counted_pixel_by_pixel(bins: int) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 7, 5, 3)).astype(np.uint8)
    found = np.asarray(ColorHistogram(bins)(pictures))
    assert found.shape == (3, 1, bins**3) and found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0], [counted(each, bins) for each in pictures], atol=2e-4)
    np.testing.assert_allclose(np.square(found).sum(axis=-1), 1, atol=1e-4)


def test_colours_count_and_places_do_not() -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (1, 8, 8, 3)).astype(np.uint8)
    elsewhere = rng.permutation(picture.reshape(64, 3)).reshape(1, 8, 8, 3)
    layer = ColorHistogram(4)
    np.testing.assert_allclose(layer(picture), layer(elsewhere), atol=1e-6)
    red = np.zeros((1, 8, 8, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    found = np.asarray(layer(red)).reshape(4, 4, 4)
    assert found[3, 0, 0] == pytest.approx(1) and np.sort(found.ravel())[-2] < 1e-3


def test_gradients_are_numbers() -> None:
    """Also of colours that a picture has not, where a square root has no slope."""
    picture = tf.Variable(np.full((1, 4, 4, 3), 100.0, np.float32))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.square(ColorHistogram(3)(picture) - 0.5))
    slope = tape.gradient(total, picture)
    assert np.isfinite(slope).all() and np.abs(slope).max() > 0


def test_nothing_of_it_trains_and_bad_options_are_said() -> None:
    model = mmzoo.build(mmzoo.Spec([mmzoo.Image("x", size=32, tower="color_histogram")], "concat", [TASK], dim=8))
    part = model.parts.of("x")
    assert part.frozen is not None and not part.frozen.weights
    with pytest.raises(MMZooError, match="bins"):
        mmzoo.Spec([mmzoo.Image("x", size=32, tower=mmzoo.Tower("color_histogram", bins=1))], "concat", [TASK])
