"""Two texts mixed: the first words of one, the last ones of the other."""

from __future__ import annotations

import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.augmentations.text import SPACE, arranged, last_of, word_of


def words_of_both(own: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """The first words of `own`, by their share, then the last ones of `other`; bytes or ids, then zeros."""

    def words(text: Tensor, share: Tensor, first: bool) -> Tensor:
        number = word_of(text)
        count = last_of(text, number) + 1
        wanted = tf.cast(tf.round(tf.cast(count, tf.float32) * share[:, None]), tf.int32)
        stays = number < wanted if first else number >= count - wanted
        return tf.where(stays, text, tf.zeros_like(text))

    start, end = words(own, share, True), words(other, 1 - share, False)
    parts = [start, end]
    if own.dtype == tf.uint8:
        between = tf.reduce_any(start != 0, axis=1) & tf.reduce_any(end != 0, axis=1)
        parts.insert(1, tf.where(between[:, None], tf.constant(SPACE, tf.uint8), tf.constant(0, tf.uint8)))
    whole = tf.concat(parts, axis=1)
    return arranged(whole, tf.cast(whole == 0, tf.int32))[:, : own.shape[1]]
