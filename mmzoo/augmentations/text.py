"""Variants of texts: UTF-8 bytes uint8 (B, N), whose words end at spaces, or ids int32 (B, N), each a word.

Then zeros.
"""

from __future__ import annotations

import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.augmentations import augmentations
from mmzoo.draws import uniforms

SPACE = 32


@augmentations.register("word_dropout", serves="text")
def word_dropout(batch: Tensor, keys: Tensor, item: object, *, share: float = 0.1) -> Tensor:
    """Each word is left out with that probability; the first stays where all would go (Iyyer et al. 2015)."""
    words = word_of(batch)
    chance = uniforms(keys, 1, (batch.shape[1],))
    kept = chance >= share
    place = tf.range(batch.shape[1])[None]
    there = place <= last_of(batch, words)
    kept |= ~tf.reduce_any(kept & there, axis=1, keepdims=True) & (place == 0)
    stays = tf.gather(kept, words, batch_dims=1) & (batch != 0)
    return arranged(tf.where(stays, batch, tf.zeros_like(batch)), tf.cast(~stays, tf.int32))


@augmentations.register("word_swap", serves="text")
def word_swap(batch: Tensor, keys: Tensor, item: object, *, share: float = 0.1) -> Tensor:
    """Two neighbours change places with that probability (Wei & Zou 2019, arXiv:1901.11196)."""
    length = batch.shape[1]
    place = tf.range(length)[None]
    words = word_of(batch)
    last = last_of(batch, words)
    if batch.dtype == tf.uint8:
        # The last word gets a space of its own, so that it may stand before another; without room for one it stays.
        end = tf.reduce_sum(tf.cast(batch != 0, tf.int32), axis=1, keepdims=True)
        batch = tf.where(place == end, tf.constant(SPACE, tf.uint8), batch)
        last -= tf.cast((batch[:, -1:] != 0) & (batch[:, -1:] != SPACE), tf.int32)
    pair = words // 2
    swapped = tf.gather(uniforms(keys, 1, (length,)) < share, pair, batch_dims=1) & (pair * 2 + 1 <= last)
    order = tf.where(swapped, words + 1 - 2 * (words % 2), words)
    return arranged(batch, tf.where(batch != 0, order, length))


def word_of(batch: Tensor) -> Tensor:
    """The number of the word that each place belongs to, int32 (B, N); a space belongs to the word before it."""
    if batch.dtype != tf.uint8:
        return tf.broadcast_to(tf.range(batch.shape[1])[None], tf.shape(batch))
    spaces = tf.cast(batch == SPACE, tf.int32)
    return tf.cumsum(spaces, axis=1, exclusive=True)


def last_of(batch: Tensor, words: Tensor) -> Tensor:
    """The number of the last word of each row, int32 (B, 1)."""
    return tf.reduce_max(tf.where(batch != 0, words, 0), axis=1, keepdims=True)


def arranged(batch: Tensor, order: Tensor) -> Tensor:
    """The places of each row sorted by `order` int32 (B, N), equal ones as they stand."""
    return tf.gather(batch, tf.argsort(order, axis=1, stable=True), batch_dims=1)
