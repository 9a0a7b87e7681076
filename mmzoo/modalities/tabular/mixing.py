"""Two rows mixed: some columns of one, the rest of the other."""

from __future__ import annotations

import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.draws import uniforms

SALT = 2002  # of what is drawn here; augmentations have those below 2000, and training the two from there on


def columns_of_both(own: Tensor, other: Tensor, share: Tensor, keys: Tensor) -> Tensor:
    """A share of the columns of `own` (B, C), drawn at random, the others of `other`."""
    rank = tf.argsort(tf.argsort(uniforms(keys, SALT, (own.shape[1],)), axis=1), axis=1)
    kept = tf.cast(rank, tf.float32) < tf.round(share * own.shape[1])[:, None]
    return tf.where(kept, own, other)
