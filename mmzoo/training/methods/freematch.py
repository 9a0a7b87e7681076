"""Learning from records without a label with thresholds that follow how sure the model is."""

from __future__ import annotations

from typing import Annotated

import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.options import Range
from mmzoo.tasks.base import Task
from mmzoo.training.loss import Batch, TaskLoss, above_zero
from mmzoo.training.methods import methods
from mmzoo.training.methods.base import Learner
from mmzoo.training.methods.fixmatch import FixMatch


@methods.register("freematch")
class FreeMatch(FixMatch):
    """As `fixmatch`, with a threshold of each class that rises as the model grows sure (arXiv:2205.07246).

    Wang et al. 2023, without its loss for fairness: the threshold is the moving average of the highest probability
    over records without a label, times how often a class is answered there beside the most frequent one. It begins at
    one over the number of classes, so that all such records count from the first step on.

    Args:
        decay: of the moving averages.
        weight: how much this counts beside the loss of records with a label.
    """

    _guesses: dict[str, tuple[Tensor, Tensor]] | None = None

    def __init__(
        self, *, decay: Annotated[float, Range(0.0, 1.0)] = 0.99, weight: Annotated[float, Range(0.0, 100.0)] = 1.0
    ) -> None:
        super().__init__(threshold=0.0, weight=weight)
        self.decay = decay

    def build(self, learner: Learner) -> None:
        super().build(learner)
        self.means = [
            tf.Variable(tf.fill([task.units + 1], 1 / task.units), trainable=False) for task in self.tasks
        ]  # the highest probability, then each class's

    @property
    def variables(self) -> list[tf.Variable]:
        return self.means

    def thresholds(self, task: Task) -> Tensor:
        sure, *_ = means = tf.unstack(self.means[self.tasks.index(task)])
        classes = tf.stack(means[1:])
        return sure * classes / tf.reduce_max(classes)

    def guesses(self, batch: Batch) -> dict[str, tuple[Tensor, Tensor]]:
        """Kept for `measure`, which asks of the same part of a batch next: the model need not answer it again."""
        self._guesses = super().guesses(batch)
        return self._guesses

    def measure(
        self, batch: Batch, outputs: dict[str, Tensor], losses: list[TaskLoss], tape: tf.GradientTape
    ) -> Tensor:
        """Of each task the sums over records without a label, and their number, one after the other, float32."""
        guesses, self._guesses = self._guesses or self.guesses(batch), None  # tensors of the graph that is being made
        sums = []
        for answers, asked in guesses.values():
            rows = tf.concat([tf.reduce_max(answers, axis=1)[:, None], answers, tf.ones_like(answers[:, :1])], axis=1)
            sums.append(tf.reduce_sum(rows * tf.cast(asked, tf.float32)[:, None], axis=0))
        return tf.concat(sums, axis=0)

    def update(self, total: Tensor) -> None:
        parts = tf.split(total, [mean.shape[0] + 1 for mean in self.means])
        for mean, found in zip(self.means, parts, strict=True):
            moved = self.decay * mean + (1 - self.decay) * found[:-1] / above_zero(found[-1])
            mean.assign(tf.where(found[-1] > 0, moved, mean))
