"""Variants of pictures, uint8 (B, size, size, 3): where the pixels come from, and their colours."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Annotated

import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.augmentations import augmentations
from mmzoo.draws import between, uniforms
from mmzoo.options import Range

GREY = (0.299, 0.587, 0.114)  # how bright the eye takes red, green and blue to be (ITU-R BT.601)


@augmentations.register("flip", serves="image")
def flip(batch: Tensor, keys: Tensor, item: object, *, vertical: bool = False) -> Tensor:
    """Mirrored left to right half the time; upside down too, if asked."""
    sides = uniforms(keys, 1, (2,))[..., None, None, None] < 0.5
    batch = tf.where(sides[:, 0], batch[:, :, ::-1], batch)
    return tf.where(sides[:, 1], batch[:, ::-1], batch) if vertical else batch


@augmentations.register("affine", serves="image")
def affine(
    batch: Tensor, keys: Tensor, item: object, *, degrees: float = 15.0, scale: float = 0.2, shift: float = 0.1
) -> Tensor:
    """Turned by up to `degrees`, scaled by 1 - scale to 1 + scale, and shifted by up to a share of the side."""
    draw = tf.transpose(between(keys, 1, -1.0, 1.0, (4,)))
    angle, factor = draw[0] * math.radians(degrees), 1.0 / (1.0 + scale * draw[1])
    cos, sin = tf.cos(angle) * factor, tf.sin(angle) * factor
    return warped(batch, tf.stack([cos, -sin, draw[2] * shift, sin, cos, draw[3] * shift], axis=1))


@augmentations.register("shift", serves="image")
def shift(batch: Tensor, keys: Tensor, item: object, *, share: float = 0.125) -> Tensor:
    """Moved by whole pixels, up to a share of the side; what comes in repeats the border. The cheapest that moves."""
    size = batch.shape[1]
    steps = tf.cast(tf.round(between(keys, 1, -share * size, share * size, (2,))), tf.int32)
    places = tf.clip_by_value(tf.range(size)[None, None] + steps[..., None], 0, size - 1)
    return tf.gather(tf.gather(batch, places[:, 0], batch_dims=1, axis=1), places[:, 1], batch_dims=1, axis=2)


@augmentations.register("crop", serves="image")
def crop(
    batch: Tensor, keys: Tensor, item: object, *, scale: Annotated[float, Range(0.01, 1)] = 0.35, ratio: float = 4 / 3
) -> Tensor:
    """A window of `scale` to all of the area, of an aspect ratio of 1 / `ratio` to `ratio`, drawn to the whole size.

    Szegedy et al. 2015, "Going deeper with convolutions", section 6, with the window kept inside the picture.
    """
    draw = tf.transpose(between(keys, 1, 0.0, 1.0, (4,)))
    side = tf.sqrt(scale + (1.0 - scale) * draw[0])
    aspect = tf.sqrt(tf.exp(math.log(ratio) * (2.0 * draw[1] - 1.0)))
    wide, high = tf.minimum(side * aspect, 1.0), tf.minimum(side / aspect, 1.0)
    x, y = (1.0 - wide) * (draw[2] - 0.5), (1.0 - high) * (draw[3] - 0.5)
    nothing = tf.zeros_like(x)
    return warped(batch, tf.stack([wide, nothing, x, nothing, high, y], axis=1))


@augmentations.register("color_jitter", serves="image")
def color_jitter(
    batch: Tensor,
    keys: Tensor,
    item: object,
    *,
    brightness: float = 0.15,
    contrast: float = 0.0,
    saturation: float = 0.0,
) -> Tensor:
    """Brighter or darker, of more or less contrast, and of stronger or paler colours, each by up to a share."""
    amounts = between(keys, 1, -1.0, 1.0, (3,)) * [brightness, contrast, saturation]
    return recoloured(batch, amounts, (bool(brightness), bool(contrast), bool(saturation)))


@augmentations.register("cutout", serves="image")
def cutout(batch: Tensor, keys: Tensor, item: object, *, side: float = 0.4, share: float = 0.5) -> Tensor:
    """A grey square of a share of the side, in that share of the pictures (DeVries & Taylor 2017, arXiv:1708.04552)."""
    size = batch.shape[1]
    draw = uniforms(keys, 1, (3,))
    place = tf.range(size, dtype=tf.float32)[None]
    rows, columns = (tf.abs(place - draw[:, k, None] * size) < side * size / 2 for k in (0, 1))
    hidden = rows[:, :, None] & columns[:, None] & (draw[:, 2] < share)[:, None, None]
    return tf.where(hidden[..., None], tf.constant(127, tf.uint8), batch)


@augmentations.register("rand_augment", serves="image")
def rand_augment(batch: Tensor, keys: Tensor, item: object, *, count: int = 2, magnitude: float = 9.0) -> Tensor:
    """`count` changes of strength `magnitude` of 30 one after the other (Cubuk et al. 2020, arXiv:1909.13719).

    Each is one of the paper's fourteen, drawn for each picture: none, turned, sheared and shifted both ways,
    brightness, contrast, colour, sharpness, posterized, solarized, autocontrast, equalized.
    """
    draw = uniforms(keys, 1, (count, 2))
    which = tf.cast(draw[..., 0] * len(CHANGES), tf.int32)
    amount = tf.where(draw[..., 1] < 0.5, -1.0, 1.0) * (magnitude / 30.0)

    def changed(one: Tensor) -> Tensor:
        picture = one[0][None]
        for turn in range(count):
            branches = [functools.partial(change, picture, one[2][turn][None]) for change in CHANGES]
            picture = tf.switch_case(one[1][turn], branches)
        return picture[0]

    # One picture after the other, for each only what was drawn: to make all changes of all costs ten times as much.
    return tf.map_fn(changed, (batch, which, amount), fn_output_signature=tf.TensorSpec(batch.shape[1:], tf.uint8))


def turned(batch: Tensor, amount: Tensor) -> Tensor:
    """By up to 30 degrees."""
    angle, nothing = amount * math.radians(30), tf.zeros_like(amount)
    rows = [tf.cos(angle), -tf.sin(angle), nothing, tf.sin(angle), tf.cos(angle), nothing]
    return warped(batch, tf.stack(rows, axis=1))


def moved(place: int, most: float) -> Callable[[Tensor, Tensor], Tensor]:
    """Sheared or shifted: `most` times the amount at one of the six places of the affine map."""

    def move(batch: Tensor, amount: Tensor) -> Tensor:
        identity = tf.constant([[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]])
        return warped(batch, identity + tf.one_hot([place], 6) * (amount * most)[:, None])

    return move


def coloured(place: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Brightness, contrast or colour by up to 0.9."""
    used = (place == 0, place == 1, place == 2)
    return lambda batch, amount: recoloured(batch, tf.one_hot([place], 3) * (amount * 0.9)[:, None], used)


def warped(batch: Tensor, transform: Tensor) -> Tensor:
    """Each picture through an affine map, bilinear; what lies outside repeats the border.

    Args:
        transform: float32 (B, 6), `x_in = a x + b y + c`, `y_in = d x + e y + f`, where x and y go from -0.5 to 0.5.
    """
    size = batch.shape[1]
    centre = (size - 1) / 2
    place = tf.range(size, dtype=tf.float32) - centre
    a, b, c, d, e, f = (transform[:, k, None, None] for k in range(6))
    x = tf.clip_by_value(a * place[None, None] + b * place[None, :, None] + c * size + centre, 0.0, size - 1.0)
    y = tf.clip_by_value(d * place[None, None] + e * place[None, :, None] + f * size + centre, 0.0, size - 1.0)
    # The last pixel is reached with its neighbour before it and the whole weight.
    left = tf.minimum(tf.cast(x, tf.int32), size - 2)
    top = tf.minimum(tf.cast(y, tf.int32), size - 2)
    right = tf.reshape(x - tf.cast(left, tf.float32), (-1, size * size, 1))
    below = tf.reshape(y - tf.cast(top, tf.float32), (-1, size * size, 1))
    first = tf.reshape(top * size + left, (-1, size * size))
    pixels = tf.reshape(batch, (-1, size * size, 3))

    def at(step: int) -> Tensor:
        return tf.cast(tf.gather(pixels, first + step, batch_dims=1), tf.float32)

    upper = at(0) * (1.0 - right) + at(1) * right
    lower = at(size) * (1.0 - right) + at(size + 1) * right
    return tf.cast(tf.reshape(upper * (1.0 - below) + lower * below + 0.5, (-1, size, size, 3)), tf.uint8)


def recoloured(batch: Tensor, amounts: Tensor, used: tuple[bool, bool, bool]) -> Tensor:
    """Brightness, contrast and saturation changed by `amounts` float32 (B, 3), 0 for not at all; only those `used`."""
    pixels = tf.cast(batch, tf.float32)
    factors = 1.0 + amounts[..., None, None, None]
    if used[0]:
        pixels *= factors[:, 0]
    if used[1]:
        middle = tf.reduce_mean(brightness_of(pixels), axis=(1, 2, 3), keepdims=True)
        pixels = middle + (pixels - middle) * factors[:, 1]
    if used[2]:
        grey = brightness_of(pixels)
        pixels = grey + (pixels - grey) * factors[:, 2]
    return tf.cast(tf.clip_by_value(pixels + 0.5, 0.0, 255.0), tf.uint8)


def brightness_of(pixels: Tensor) -> Tensor:
    """float32 (B, H, W, 3) as grey (B, H, W, 1)."""
    return tf.reduce_sum(pixels * tf.constant(GREY), axis=-1, keepdims=True)


def posterized(batch: Tensor, amount: Tensor) -> Tensor:
    """Up to four bits less."""
    step = tf.bitwise.left_shift(1, tf.cast(tf.round(4 * tf.abs(amount)), tf.int32))[:, None, None, None]
    pixels = tf.cast(batch, tf.int32)
    return tf.cast(pixels // step * step, tf.uint8)


def solarized(batch: Tensor, amount: Tensor) -> Tensor:
    """What is brighter than a threshold is inverted."""
    threshold = tf.round(256 * (1 - tf.abs(amount)))[:, None, None, None]
    return tf.where(tf.cast(batch, tf.float32) >= threshold, 255 - batch, batch)


def stretched(batch: Tensor) -> Tensor:
    """Each channel over the whole range of levels."""
    pixels = tf.cast(batch, tf.int32)
    low = tf.reduce_min(pixels, axis=(1, 2), keepdims=True)
    span = tf.reduce_max(pixels, axis=(1, 2), keepdims=True) - low
    return tf.cast(tf.where(span > 0, (pixels - low) * 255 // tf.maximum(span, 1), pixels), tf.uint8)


def sharpened(batch: Tensor, factor: Tensor) -> Tensor:
    """Each picture away from its smoothed self, or towards it where `factor` (B,) is below 1; the border stays."""
    pixels = tf.cast(batch, tf.float32)
    # Sums of neighbours: XLA's convolution of single channels takes nine times as long on a CPU.
    rows = pixels[:, :-2] + pixels[:, 1:-1] + pixels[:, 2:]
    around = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]
    smooth = (around + 4.0 * pixels[:, 1:-1, 1:-1]) / 13.0
    # Without its border a picture differs from its smoothed self nowhere outside.
    change = tf.pad(pixels[:, 1:-1, 1:-1] - smooth, ((0, 0), (1, 1), (1, 1), (0, 0)))
    pixels += change * (factor - 1.0)[:, None, None, None]
    return tf.cast(tf.clip_by_value(pixels + 0.5, 0.0, 255.0), tf.uint8)


def equalized(batch: Tensor) -> Tensor:
    """All levels of each channel alike often, as near as whole levels allow."""
    count = batch.shape[1] * batch.shape[2]
    channels = tf.cast(tf.reshape(tf.transpose(batch, (0, 3, 1, 2)), (-1, count)), tf.int32)
    rows = tf.range(3 * batch.shape[0])[:, None]
    counts = tf.math.unsorted_segment_sum(tf.ones_like(channels), channels + rows * 256, 3 * batch.shape[0] * 256)
    counts = tf.reshape(counts, (-1, 256))
    last = tf.reduce_max(tf.where(counts > 0, tf.range(256)[None], 0), axis=1)
    step = (count - tf.gather(counts, last, batch_dims=1))[:, None] // 255
    before = tf.cumsum(counts, axis=1, exclusive=True)
    table = tf.where(step > 0, tf.minimum((step // 2 + before) // tf.maximum(step, 1), 255), tf.range(256)[None])
    found = tf.gather(table, channels, batch_dims=1)
    size = batch.shape[1:3]
    return tf.cast(tf.transpose(tf.reshape(found, (-1, 3, *size)), (0, 2, 3, 1)), tf.uint8)


CHANGES: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (
    lambda batch, amount: batch,
    turned,
    moved(1, 0.3),
    moved(3, 0.3),
    moved(2, 0.45),
    moved(5, 0.45),
    coloured(0),
    coloured(1),
    coloured(2),
    lambda batch, amount: sharpened(batch, 1.0 + 0.9 * amount),
    posterized,
    solarized,
    lambda batch, amount: stretched(batch),
    lambda batch, amount: equalized(batch),
)
"""Of `rand_augment`, on pictures (B, S, S, 3) and amounts (B,) from -1 to 1."""
