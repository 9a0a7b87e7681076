"""Batch normalization by the statistics of all replicas, exchanged once each way."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import tensorflow as tf

from mmzoo.aliases import Tensor


def synchronize(model: keras.Model) -> None:
    """Let its batch normalizations see the whole batch: Keras's own way meets the other replicas five times a layer."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer._moments = functools.partial(moments_of_all, layer._moments)


def moments_of_all(
    moments: Callable[..., tuple[Tensor, Tensor]], inputs: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean and variance over all replicas, which have as many rows each, from what `moments` gives on one of them."""
    mean, variance = moments(inputs, mask)
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1 or mask is not None:
        return mean, variance
    here = tf.cast(tf.stack([mean, variance]), tf.float32)
    # The variance of all is the mean of the variances, and the variance of the means.
    found = tf.stack([here[0], here[1] + tf.square(here[0])])
    found = context.all_reduce(tf.distribute.ReduceOp.MEAN, found)
    whole = tf.maximum(found[1] - tf.square(found[0]), 0.0)
    return tf.cast(found[0], mean.dtype), tf.cast(whole, variance.dtype)
