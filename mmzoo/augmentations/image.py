"""Variants of pictures, uint8 (B, size, size, 3): where the pixels come from, and their colours."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from mmzoo.augmentations import augmentations
from mmzoo.draws import between, uniforms

GREY = (0.299, 0.587, 0.114)  # how bright the eye takes red, green and blue to be (ITU-R BT.601)


@augmentations.register("flip", serves="image")
def flip(batch: Any, keys: Any, item: Any, *, vertical: bool = False) -> Any:
    """Mirrored left to right half the time; upside down too, if asked."""
    sides = uniforms(keys, 1, (2,))[..., None, None, None] < 0.5
    batch = tf.where(sides[:, 0], batch[:, :, ::-1], batch)
    return tf.where(sides[:, 1], batch[:, ::-1], batch) if vertical else batch


@augmentations.register("affine", serves="image")
def affine(batch: Any, keys: Any, item: Any, *, degrees: float = 15.0, scale: float = 0.2, shift: float = 0.1) -> Any:
    """Turned by up to `degrees`, scaled by 1 - scale to 1 + scale, and shifted by up to a share of the side."""
    draw = tf.transpose(between(keys, 1, -1.0, 1.0, (4,)))
    angle, factor = draw[0] * math.radians(degrees), 1.0 / (1.0 + scale * draw[1])
    cos, sin = tf.cos(angle) * factor, tf.sin(angle) * factor
    return warped(batch, tf.stack([cos, -sin, draw[2] * shift, sin, cos, draw[3] * shift], axis=1))


@augmentations.register("shift", serves="image")
def shift(batch: Any, keys: Any, item: Any, *, share: float = 0.125) -> Any:
    """Moved by whole pixels, up to a share of the side; what comes in repeats the border. The cheapest that moves."""
    size = batch.shape[1]
    steps = tf.cast(tf.round(between(keys, 1, -share * size, share * size, (2,))), tf.int32)
    places = tf.clip_by_value(tf.range(size)[None, None] + steps[..., None], 0, size - 1)
    return tf.gather(tf.gather(batch, places[:, 0], batch_dims=1, axis=1), places[:, 1], batch_dims=1, axis=2)


@augmentations.register("crop", serves="image")
def crop(batch: Any, keys: Any, item: Any, *, least: float = 0.35, stretch: float = 4 / 3) -> Any:
    """A window of `least` to all of the area, up to `stretch` times wider or higher, drawn to the whole size.

    Szegedy et al. 2015, "Going deeper with convolutions", section 6, with the window kept inside the picture.
    """
    draw = tf.transpose(between(keys, 1, 0.0, 1.0, (4,)))
    side = tf.sqrt(least + (1.0 - least) * draw[0])
    ratio = tf.sqrt(tf.exp(math.log(stretch) * (2.0 * draw[1] - 1.0)))
    wide, high = tf.minimum(side * ratio, 1.0), tf.minimum(side / ratio, 1.0)
    x, y = (1.0 - wide) * (draw[2] - 0.5), (1.0 - high) * (draw[3] - 0.5)
    nothing = tf.zeros_like(x)
    return warped(batch, tf.stack([wide, nothing, x, nothing, high, y], axis=1))


@augmentations.register("colour", serves="image")
def colour(
    batch: Any,
    keys: Any,
    item: Any,
    *,
    brightness: float = 0.15,
    contrast: float = 0.0,
    saturation: float = 0.0,
) -> Any:
    """Brighter or darker, of more or less contrast, and of stronger or paler colours, each by up to a share."""
    amounts = between(keys, 1, -1.0, 1.0, (3,)) * [brightness, contrast, saturation]
    return recoloured(batch, amounts, (bool(brightness), bool(contrast), bool(saturation)))


@augmentations.register("cutout", serves="image")
def cutout(batch: Any, keys: Any, item: Any, *, side: float = 0.4, share: float = 0.5) -> Any:
    """A grey square of a share of the side, in that share of the pictures (DeVries & Taylor 2017, arXiv:1708.04552)."""
    size = batch.shape[1]
    draw = uniforms(keys, 1, (3,))
    place = tf.range(size, dtype=tf.float32)[None]
    rows, columns = (tf.abs(place - draw[:, k, None] * size) < side * size / 2 for k in (0, 1))
    hidden = rows[:, :, None] & columns[:, None] & (draw[:, 2] < share)[:, None, None]
    return tf.where(hidden[..., None], tf.constant(127, tf.uint8), batch)


@augmentations.register("rand_augment", serves="image")
def rand_augment(batch: Any, keys: Any, item: Any, *, count: int = 2, magnitude: float = 9.0) -> Any:
    """`count` changes of strength `magnitude` of 30 one after the other (Cubuk et al. 2020, arXiv:1909.13719).

    Each is one of twelve of the paper's fourteen, drawn for each picture: none, turned, sheared and shifted both ways,
    brightness, contrast, colour, posterized, solarized, autocontrast. Sharpness and equalization are left out.
    """
    much = magnitude / 30.0
    for turn in range(count):
        draw = uniforms(keys, turn + 1, (2,))
        sign = tf.where(draw[:, 1] < 0.5, -much, much)
        which = tf.one_hot(tf.cast(draw[:, 0] * 12, tf.int32), 12)

        def chosen(k: int, sign: Any = sign, which: Any = which) -> Any:
            return sign * which[:, k]

        angle = chosen(1) * math.radians(30)
        rows = [tf.cos(angle), chosen(2) * 0.3 - tf.sin(angle), chosen(3) * 0.45]
        rows += [chosen(4) * 0.3 + tf.sin(angle), tf.cos(angle), chosen(5) * 0.45]
        batch = warped(batch, tf.stack(rows, axis=1))
        batch = recoloured(batch, tf.stack([chosen(6), chosen(7), chosen(8)], axis=1) * 0.9, (True, True, True))
        batch = mapped(batch, which[:, 9], which[:, 10], which[:, 11], much)
    return batch


def warped(batch: Any, transform: Any) -> Any:
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

    def at(step: int) -> Any:
        return tf.cast(tf.gather(pixels, first + step, batch_dims=1), tf.float32)

    upper = at(0) * (1.0 - right) + at(1) * right
    lower = at(size) * (1.0 - right) + at(size + 1) * right
    return tf.cast(tf.reshape(upper * (1.0 - below) + lower * below + 0.5, (-1, size, size, 3)), tf.uint8)


def recoloured(batch: Any, amounts: Any, used: tuple[bool, bool, bool]) -> Any:
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


def brightness_of(pixels: Any) -> Any:
    """float32 (B, H, W, 3) as grey (B, H, W, 1)."""
    return tf.reduce_sum(pixels * tf.constant(GREY), axis=-1, keepdims=True)


def mapped(batch: Any, posterize: Any, solarize: Any, stretch: Any, much: float) -> Any:
    """Pictures with fewer levels, inverted highlights, or the whole range of levels, each where its flag (B,) is 1."""
    step = 2 ** round(4 * much)
    pixels = tf.cast(batch, tf.int32)
    flags = [flag[:, None, None, None] > 0 for flag in (posterize, solarize, stretch)]
    pixels = tf.where(flags[0], pixels // step * step, pixels)
    pixels = tf.where(flags[1] & (pixels >= round(256 * (1 - much))), 255 - pixels, pixels)
    low = tf.reduce_min(pixels, axis=(1, 2), keepdims=True)
    span = tf.maximum(tf.reduce_max(pixels, axis=(1, 2), keepdims=True) - low, 1)
    return tf.cast(tf.where(flags[2], (pixels - low) * 255 // span, pixels), tf.uint8)
