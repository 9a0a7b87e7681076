"""Batch normalization by the statistics of all replicas, exchanged once each way; or moving ones that are averaged."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import numpy as np
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


def averaging(model: keras.Model) -> Callable[[], object]:
    """What gives every replica the mean of their moving statistics, where each has normalized by its own; one message.

    To be made in the scope of the strategy, and called outside of its replicas.
    """
    layers = [each for each in model._flatten_layers() if isinstance(each, keras.layers.BatchNormalization)]
    moving = [variable for each in layers for variable in (each.moving_mean, each.moving_variance)]
    sizes = [int(np.prod(variable.shape)) for variable in moving]
    strategy = tf.distribute.get_strategy()

    def average() -> None:
        flat = tf.concat([tf.reshape(tf.cast(variable.value, tf.float32), [-1]) for variable in moving], axis=0)
        means = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, flat)
        for variable, mean in zip(moving, tf.split(means, sizes), strict=True):
            variable.assign(tf.reshape(mean, variable.shape))

    called: Callable[[], object] = tf.function(lambda: strategy.run(average) if moving else None, autograph=False)
    return called
