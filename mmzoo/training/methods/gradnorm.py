"""Tasks weighed so that all of them learn at one pace (Chen et al. 2018, "GradNorm", arXiv:1711.02257)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.choice import Fusion
from mmzoo.errors import require
from mmzoo.fusions import fusions
from mmzoo.graph.parts import Parts
from mmzoo.names import EMBEDDING
from mmzoo.options import Range
from mmzoo.spec import Spec
from mmzoo.training.loss import Batch, TaskLoss
from mmzoo.training.methods import methods
from mmzoo.training.methods.base import Learner, TrainingMethod

if TYPE_CHECKING:
    from mmzoo.training.settings import Training

RATE = 0.025  # of the weights, the paper's
LEAST = 1e-3  # a weight does not fall further


@methods.register("gradnorm")
class GradNorm(TrainingMethod):
    """Tasks are weighed so that all of them learn at one pace (Chen et al. 2018, arXiv:1711.02257).

    The weights are 1 on average. The norms are those of the gradients in the fused embeddings of all examples, in place
    of the weights of the last shared layer: what flows back into the towers is the same, and the parts of a batch add
    up.

    Args:
        alpha: how strongly a task that lags behind is pulled; 1.5 is the paper's for tasks that differ much.
    """

    def __init__(self, *, alpha: Annotated[float, Range(0, 10)] = 1.5) -> None:
        self.alpha = alpha

    def check(self, spec: Spec, training: Training) -> None:
        require(
            sum(task.fuses for task in spec.tasks) > 1
            and fusions.facts(Fusion.of(spec.fusion).name)["level"] == "feature",
            "The method 'gradnorm' weighs two tasks or more that share a fused embedding, which a decision-level "
            "fusion does not have; leave it out, or choose another fusion.",
        )
        require(
            spec.task_weights == "fixed",
            f"The method 'gradnorm' weighs the tasks, and so do {spec.task_weights} 'task_weights'; let one do it.",
        )

    def outputs(self, parts: Parts) -> dict[str, Tensor]:
        """The fused embedding, which all tasks share."""
        return {EMBEDDING: parts.embedding}

    def build(self, learner: Learner) -> None:
        self.weights = tf.Variable(tf.ones(len(learner.spec.tasks)), trainable=False)
        self.first = tf.Variable(tf.zeros(len(learner.spec.tasks)), trainable=False)

    @property
    def variables(self) -> list[tf.Variable]:
        return [self.weights, self.first]

    def losses(self, batch: Batch, outputs: dict[str, Tensor], losses: list[TaskLoss]) -> list[TaskLoss]:
        return [replace(loss, factor=loss.factor * self.weights[index]) for index, loss in enumerate(losses)]

    def measure(
        self, batch: Batch, outputs: dict[str, Tensor], losses: list[TaskLoss], tape: tf.GradientTape
    ) -> Tensor | None:
        """The losses and the squared norms of their gradients, float32 (2, T)."""
        values = [loss.value for loss in losses]
        slopes = [tape.gradient(value, outputs[EMBEDDING], unconnected_gradients="zero") for value in values]
        return tf.stack([values, [tf.reduce_sum(tf.cast(slope, tf.float32) ** 2) for slope in slopes]])

    def update(self, total: Tensor) -> None:
        """Move the weights by one step."""
        losses, squares = tf.unstack(total)
        first = tf.where(self.first > 0, self.first, losses)
        moved = new_weights(self.weights.value(), losses, first, tf.sqrt(squares), self.alpha)
        fine = tf.reduce_all(tf.math.is_finite(moved))
        self.weights.assign(tf.where(fine, moved, self.weights))
        self.first.assign(tf.where(fine, first, self.first))


def new_weights(weights: Tensor, losses: Tensor, first: Tensor, norms: Tensor, alpha: float) -> Tensor:
    """One step down `sum_t |weight_t norm_t - mean * (pace_t / mean pace)^alpha|`, then 1 on average again.

    A task's pace is its loss over its first. The step is divided by the mean norm: the size of the losses must not
    matter for it. A task without an example here (loss 0) keeps its weight but for the average.
    """
    here = tf.cast(losses > 0, tf.float32)
    count = tf.maximum(tf.reduce_sum(here), 1.0)
    pace = losses / tf.maximum(first, 1e-12)
    pace = pace / tf.maximum(tf.reduce_sum(pace * here) / count, 1e-12)
    weighed = weights * norms
    wanted = tf.reduce_sum(weighed * here) / count * pace**alpha
    slope = tf.sign(weighed - wanted) * norms / tf.maximum(tf.reduce_sum(norms * here) / count, 1e-12)
    moved = tf.maximum(weights - RATE * slope * here, LEAST)
    return moved * (weights.shape[0] / tf.reduce_sum(moved))
