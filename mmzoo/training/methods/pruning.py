"""Weights that become zero while a model trains, so that its file compresses (Zhu & Gupta 2017, arXiv:1710.01878)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.errors import require
from mmzoo.options import Range
from mmzoo.spec import Spec
from mmzoo.training.methods import methods
from mmzoo.training.methods.base import Learner, TrainingMethod

if TYPE_CHECKING:
    from mmzoo.training.settings import Training

CUTS = 50  # over the first half of the steps; in the second half what is left adjusts


@methods.register("pruning")
class Pruning(TrainingMethod):
    """The smallest weights of every kernel become zero and stay so, more and more of them (Zhu & Gupta 2017).

    Their share grows as `sparsity (1 - (1 - t)^3)` (arXiv:1710.01878). Which weights are pruned is seen from the
    weights themselves, so that a checkpoint needs nothing more, and every replica cuts alike. Kernels of two axes or
    more are pruned, embeddings and biases are not.

    Args:
        sparsity: the share of each kernel that is zero in the end.
    """

    def __init__(self, *, sparsity: Annotated[float, Range(0, 0.99)] = 0.5) -> None:
        self.sparsity = sparsity

    def check(self, spec: Spec, training: Training) -> None:
        names = training.method_names
        for name in names[names.index("pruning") + 1 :]:
            require(
                methods[name].after_step is TrainingMethod.after_step,
                f"The method '{name}' would change weights that 'pruning' has set to zero; name 'pruning' after it.",
            )

    def build(self, learner: Learner) -> None:
        require(
            not learner.tuned.additions,
            "What lora adds to a kernel fills its zeros; leave out the method 'pruning', or tune in another way.",
        )
        variables = [v for group in learner.tuned.groups for v in group.variables]
        self.kernels = [v for v in variables if v.name.endswith("kernel") and len(v.shape) > 1]
        self.average_of = {id(variable): average for average, variable in learner.averages}
        self.every = max(learner.steps // 2 // CUTS, 1)
        self.end = max(learner.steps // 2 // self.every, 1) * self.every

    def settled(self, step: int) -> bool:
        """Whether the last cut was made: weights from before it are not those that were asked for."""
        return not self.kernels or step >= self.end

    def after_step(self, before: dict[int, Tensor], step: Tensor) -> None:
        """Set back to zero what was, and cut more where it is time; also the averages."""
        time = tf.minimum(tf.cast(step, tf.float32) / self.end, 1.0)
        share = self.sparsity * (1.0 - (1.0 - time) ** 3)
        due = tf.logical_and(step % self.every == 0, step <= self.end)
        for kernel in self.kernels:
            old = before.get(id(kernel), kernel.value)
            # All of a kernel that has not begun to learn stays.
            mask = tf.logical_or(old != 0, tf.reduce_all(tf.equal(old, 0)))
            size = tf.abs(tf.convert_to_tensor(kernel.value))
            sizes = tf.where(mask, size, 0.0)
            # To sort a kernel costs more than most steps: only where it is time.
            limit = tf.cond(due, lambda sizes=sizes: threshold(sizes, share), lambda: -1.0)
            mask = tf.logical_and(mask, size > limit)
            kernel.assign(tf.where(mask, kernel.value, 0.0))
            if id(kernel) in self.average_of:
                average = self.average_of[id(kernel)]
                average.assign(tf.where(mask, average, 0.0))


def threshold(sizes: Tensor, share: Tensor) -> Tensor:
    """The largest of the `share` smallest of `sizes`; below all where that is none."""
    flat = tf.reshape(sizes, [-1])
    count = tf.cast(share * tf.cast(tf.size(flat), tf.float32), tf.int32)
    return tf.where(count > 0, tf.sort(flat)[tf.maximum(count - 1, 0)], -1.0)
