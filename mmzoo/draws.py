"""Random numbers that belong to an example, whatever batch it is in.

A draw is a hash of (key, salt, place): the generator SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable
pseudorandom number generators") counted on from a key. So the same example in the same epoch is drawn the same on one
device, on many, and after a restart.
"""

from __future__ import annotations

import math

from mmzoo.aliases import Tensor

GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def keys_of(seed: int | Tensor, examples: Tensor, epochs: Tensor) -> Tensor:
    """The keys int64 (B,) of examples int64 (B,) in epochs int64 (B,); `seed` is a number."""
    import tensorflow as tf

    key = mixed(tf.cast(seed, tf.int64) + tf.zeros_like(examples))
    return mixed(mixed(key + examples) + epochs)


def uniforms(keys: Tensor, salt: int, shape: tuple[int, ...] = ()) -> Tensor:
    """Even in [0, 1), float32 (B, *shape), from keys int64 (B,); another `salt` gives others that are independent."""
    import tensorflow as tf

    count = math.prod(shape)
    places = tf.range(count, dtype=tf.int64)[None] + salt * 2**32
    bits = mixed(keys[:, None] + signed(GOLDEN) * (places + 1))
    # The upper 24 bits, which is all that a float32 holds.
    top = tf.cast(tf.bitwise.right_shift(tf.bitcast(bits, tf.uint64), tf.constant(40, tf.uint64)), tf.float32)
    return tf.reshape(top * 2.0**-24, (-1, *shape))


def between(keys: Tensor, salt: int, low: float, high: float, shape: tuple[int, ...] = ()) -> Tensor:
    """Even in [low, high), float32 (B, *shape)."""
    return low + (high - low) * uniforms(keys, salt, shape)


def normals(keys: Tensor, salt: int, shape: tuple[int, ...] = ()) -> Tensor:
    """Of mean 0 and deviation 1, float32 (B, *shape), by Box & Muller 1958."""
    import tensorflow as tf

    both = uniforms(keys, salt, (2, *shape))
    return tf.sqrt(-2.0 * tf.math.log(1.0 - both[:, 0])) * tf.cos(2 * math.pi * both[:, 1])


def mixed(state: Tensor) -> Tensor:
    """The output function of SplitMix64, int64 to int64."""
    import tensorflow as tf

    z = tf.bitcast(state, tf.uint64)
    for shift, factor in ((30, FIRST), (27, SECOND)):
        z = (z ^ tf.bitwise.right_shift(z, tf.constant(shift, tf.uint64))) * tf.constant(factor, tf.uint64)
    return tf.bitcast(z ^ tf.bitwise.right_shift(z, tf.constant(31, tf.uint64)), tf.int64)


def signed(value: int) -> int:
    """The number of 64 bits as int64 reads it."""
    return value - 2**64 if value >= 2**63 else value
