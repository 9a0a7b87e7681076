"""Tasks weighed so that all of them learn at one pace (Chen et al. 2018, "GradNorm", arXiv:1711.02257)."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from mmzoo.errors import require
from mmzoo.names import EMBEDDING
from mmzoo.spec import Spec

ALPHA = 1.5  # how strongly a task that lags behind is pulled; the paper's for tasks that differ much
RATE = 0.025  # of the weights, the paper's
LEAST = 1e-3  # a weight does not fall further


def with_embedding(model: keras.Model, spec: Spec) -> keras.Model:
    """The model with the fused embedding, which all tasks share, as one more output."""
    embedding = model.parts.embedding
    require(
        len(spec.tasks) > 1 and embedding is not None,
        "GradNorm weighs two tasks or more that share a fused embedding, which a decision-level fusion does not have; "
        "set task_weights='fixed', or choose another fusion.",
    )
    return model.parts.cut(model.input, {**model.output, EMBEDDING: embedding})


class GradNorm:
    """The weights of the tasks, 1 on average, and their losses in the first step.

    The norms are those of the gradients in the fused embeddings of all examples, in place of the weights of the last
    shared layer: what flows back into the towers is the same, and the parts of a batch add up.
    """

    def __init__(self, tasks: int) -> None:
        self.weights = tf.Variable(tf.ones(tasks), trainable=False)
        self.first = tf.Variable(tf.zeros(tasks), trainable=False)

    @property
    def variables(self) -> list[Any]:
        return [self.weights, self.first]

    def update(self, losses: Any, squares: Any) -> None:
        """Move the weights by one step, from the losses of the whole batch and the squared norms, float32 (T,) each."""
        first = tf.where(self.first > 0, self.first, losses)
        moved = new_weights(self.weights.value(), losses, first, tf.sqrt(squares))
        fine = tf.reduce_all(tf.math.is_finite(moved))
        self.weights.assign(tf.where(fine, moved, self.weights))
        self.first.assign(tf.where(fine, first, self.first))


def new_weights(weights: Any, losses: Any, first: Any, norms: Any) -> Any:
    """One step down `sum_t |weight_t norm_t - mean * (pace_t / mean pace)^alpha|`, then 1 on average again.

    A task's pace is its loss over its first. The step is divided by the mean norm: the size of the losses must not
    matter for it. A task without an example here (loss 0) keeps its weight but for the average.
    """
    here = tf.cast(losses > 0, tf.float32)
    count = tf.maximum(tf.reduce_sum(here), 1.0)
    pace = losses / tf.maximum(first, 1e-12)
    pace = pace / tf.maximum(tf.reduce_sum(pace * here) / count, 1e-12)
    weighed = weights * norms
    wanted = tf.reduce_sum(weighed * here) / count * pace**ALPHA
    slope = tf.sign(weighed - wanted) * norms / tf.maximum(tf.reduce_sum(norms * here) / count, 1e-12)
    moved = tf.maximum(weights - RATE * slope * here, LEAST)
    return moved * (weights.shape[0] / tf.reduce_sum(moved))
