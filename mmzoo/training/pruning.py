"""Weights that become zero while a model trains, so that its file compresses (Zhu & Gupta 2017, arXiv:1710.01878)."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

CUTS = 50  # over the first half of the steps; in the second half what is left adjusts


class Pruning:
    """The smallest weights of every kernel, set to zero; their share grows as `share (1 - (1 - t)^3)`.

    Zero stays zero. Which weights those are is seen from the weights themselves, so that a checkpoint needs nothing
    more, and every replica cuts alike.

    Args:
        variables: what trains; kernels of two axes or more are pruned, embeddings and biases are not.
        share: of each kernel that is zero in the end.
        steps: of the training.
    """

    def __init__(self, variables: list[Any], share: float, steps: int) -> None:
        self.kernels = [v for v in variables if v.name.endswith("kernel") and len(v.shape) > 1] if share else []
        self.share, self.every = share, max(steps // 2 // CUTS, 1)
        self.end = max(steps // 2 // self.every, 1) * self.every

    def settled(self, step: int) -> bool:
        """Whether the last cut was made: weights from before it are not those that were asked for."""
        return not self.kernels or step >= self.end

    def kept(self) -> list[Any]:
        """What is not zero, of each kernel, before a step; all of one that has not begun to learn."""
        return [tf.logical_or(v.value != 0, tf.reduce_all(tf.equal(v.value, 0))) for v in self.kernels]

    def cut(self, kept: list[Any], step: Any, averages: list[tuple[Any, Any]]) -> None:
        """Set back to zero what was, after step number `step`, and cut more where it is time; also the averages."""
        average_of = {id(variable): average for average, variable in averages}
        time = tf.minimum(tf.cast(step, tf.float32) / self.end, 1.0)
        share = self.share * (1.0 - (1.0 - time) ** 3)
        due = tf.logical_and(step % self.every == 0, step <= self.end)
        for kernel, mask in zip(self.kernels, kept, strict=True):
            size = tf.abs(tf.convert_to_tensor(kernel.value))
            sizes = tf.where(mask, size, 0.0)
            # To sort a kernel costs more than most steps: only where it is time.
            limit = tf.cond(due, lambda sizes=sizes: threshold(sizes, share), lambda: -1.0)
            mask = tf.logical_and(mask, size > limit)
            kernel.assign(tf.where(mask, kernel.value, 0.0))
            if id(kernel) in average_of:
                average = average_of[id(kernel)]
                average.assign(tf.where(mask, average, 0.0))


def threshold(sizes: Any, share: Any) -> Any:
    """The largest of the `share` smallest of `sizes`; below all where that is none."""
    flat = tf.reshape(sizes, [-1])
    count = tf.cast(share * tf.cast(tf.size(flat), tf.float32), tf.int32)
    return tf.where(count > 0, tf.sort(flat)[tf.maximum(count - 1, 0)], -1.0)
