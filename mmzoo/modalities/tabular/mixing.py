"""Two rows mixed: some columns of one, the rest of the other."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.draws import uniforms

SALT = 2002  # of what is drawn here; augmentations have those below 2000, and training the two from there on


def columns_of_both(own: Tensor, other: Tensor, share: Tensor, keys: Tensor, owners: np.ndarray) -> Tensor:
    """A share of the columns of `own` (B, places), drawn at random, the others of `other`.

    Args:
        owners: the column of each place, int (places,), as `Tabular.owners` has them.
    """
    columns = int(owners.max()) + 1
    rank = tf.argsort(tf.argsort(uniforms(keys, SALT, (columns,)), axis=1), axis=1)
    kept = tf.cast(rank, tf.float32) < tf.round(share * columns)[:, None]
    return tf.where(tf.gather(kept, owners, axis=1), own, other)
