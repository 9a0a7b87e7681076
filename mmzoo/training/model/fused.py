"""Batch normalization in one operation each way, in training: the numbers of Keras's own, also on several replicas."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import tensorflow as tf

from mmzoo.aliases import Tensor


def fuse(model: keras.Model, *, synchronized: bool = True) -> None:
    """Let its batch normalizations train by one operation, where Keras takes a dozen, each over the whole tensor.

    Args:
        synchronized: by the statistics of all replicas? Else by those of each.
    """
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization) and not layer.renorm and layer.scale and layer.center:
            layer.call = functools.partial(normalized, layer, layer.call, synchronized)


def normalized(
    layer: keras.layers.BatchNormalization,
    unfused: Callable[..., Tensor],
    synchronized: bool,
    inputs: Tensor,
    training: bool | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """What a layer makes of (B, ..., C), float (B, ..., C), by the statistics of the batch.

    Args:
        unfused: its own way, for all else: by moving statistics, or over another axis.
        synchronized: see `fuse`.
        mask: bool (B, ...), which places count; all, if not given.
    """
    if not training or not layer.trainable or layer.axis not in (-1, len(inputs.shape) - 1):
        return unfused(inputs, training=training, mask=mask)
    x = tf.cast(inputs, tf.float32)
    shape = tf.shape(x)
    rows = x if len(inputs.shape) == 4 else tf.reshape(x, (shape[0], -1, 1, inputs.shape[-1]))
    gamma, beta = tf.convert_to_tensor(layer.gamma), tf.convert_to_tensor(layer.beta)
    context = tf.distribute.get_replica_context()
    several = synchronized and context is not None and context.num_replicas_in_sync > 1
    if mask is not None:
        counts = tf.cast(tf.reshape(mask, tf.concat([tf.shape(rows)[:3], [1]], axis=0)), tf.float32)
        y, mean, variance = by_parts(rows, gamma, beta, layer.epsilon, counts=counts)
    elif several:
        y, mean, variance = by_parts(rows, gamma, beta, layer.epsilon, context=context)
    else:
        y, mean, variance = at_once(rows, gamma, beta, layer.epsilon)
    for moving, found in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        moving.assign(moving * layer.momentum + tf.stop_gradient(found) * (1.0 - layer.momentum))
    return tf.cast(tf.reshape(y, shape), layer.compute_dtype)


def at_once(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """Of (B, H, W, C) the normalized rows, and their mean and variance, (C,) each."""
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x, scale=gamma, offset=beta, mean=[], variance=[], epsilon=epsilon, is_training=True
    )
    count = rows_of(x)
    return y, mean, variance * ((count - 1.0) / count)  # the operation gives that of a sample, N / (N - 1) as large


def by_parts(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    epsilon: float,
    *,
    counts: Tensor | None = None,
    context: tf.distribute.ReplicaContext | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The same by other statistics than those of all rows that are here.

    Args:
        counts: float (B, H, W, 1), 1 where a row counts and 0 elsewhere.
        context: of several replicas, which have as many rows each and meet once each way.
    """

    def over_all(values: list[Tensor]) -> Tensor:
        stacked = tf.stack(values)
        if context is not None:
            stacked = context.all_reduce(tf.distribute.ReduceOp.MEAN, stacked)
        unstacked: list[Tensor] = tf.unstack(stacked)
        return unstacked

    @tf.custom_gradient
    def run(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        if counts is None:
            count = rows_of(x)
            _, mean, variance = at_once(x, gamma, beta, epsilon)
        else:
            count = tf.maximum(tf.reduce_sum(counts), 1.0)
            mean = tf.reduce_sum(counts * x, axis=(0, 1, 2)) / count
            variance = tf.reduce_sum(counts * tf.square(x - mean), axis=(0, 1, 2)) / count
        # The variance of all is the mean of the variances, and the variance of the means.
        whole, square = over_all([mean, variance + tf.square(mean)])
        variance = tf.maximum(square - tf.square(whole), 0.0) if context is not None else variance
        y, *_, reserved = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=gamma, offset=beta, mean=whole, variance=variance, epsilon=epsilon, is_training=False
        )

        def gradient(slope: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            # As if the statistics were constants; by what they depend on x is added below.
            d_x, d_gamma, d_beta, *_ = tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=slope,
                x=x,
                scale=gamma,
                reserve_space_1=whole,
                reserve_space_2=variance,
                reserve_space_3=reserved,
                epsilon=epsilon,
                is_training=False,
            )
            by_x, by_one = over_all([d_gamma / count, d_beta / count])
            inverse = tf.math.rsqrt(variance + epsilon)
            factor = gamma * tf.square(inverse) * by_x
            more = factor * x + (gamma * inverse * by_one - factor * whole)
            return d_x - (more if counts is None else counts * more), d_gamma, d_beta

        return (y, whole, variance), gradient

    found: tuple[Tensor, Tensor, Tensor] = run(x, gamma, beta)
    return found


def rows_of(x: Tensor) -> Tensor:
    """Over how many numbers a channel is averaged."""
    return tf.cast(tf.size(x) // x.shape[-1], tf.float32)
