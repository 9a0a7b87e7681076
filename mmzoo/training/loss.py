"""What training makes small."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from mmzoo.layers import LOG_VARIANCES
from mmzoo.spec import Spec
from mmzoo.tasks import Task


def total_loss(spec: Spec, outputs: dict[str, Any], labels: dict[str, Any], present: Any) -> Any:
    """The loss of a batch: `sum_t weight_t * (loss_t + auxiliary_t * mean over present modalities of their loss)`.

    A mean is over the examples whose label is known, and 0 where none is. With learned task weights
    a task's share is `weight * (exp(-s) * loss + s / 2)`, for regression `weight * (exp(-s) * loss + s) / 2`,
    where `s = log sigma^2` (Kendall et al. 2018, arXiv:1705.07115, equations 7 and 10).
    """
    total = 0.0
    for index, task in enumerate(spec.tasks):
        loss = task_loss(spec, task, outputs, labels[task.name], present)
        if spec.task_weights == "learned":
            s = outputs[LOG_VARIANCES][0, index]
            loss = tf.exp(-s) * loss * (1.0 if task.labels else 0.5) + s / 2
        total += task.weight * loss
    return total


def task_loss(spec: Spec, task: Task, outputs: dict[str, Any], labels: Any, present: Any) -> Any:
    """`loss + auxiliary * mean over present modalities of their loss`, over the examples whose label is known."""
    known = task.known(labels)
    # A stand-in for what is missing, so that its loss, which counts for nothing, is a finite number.
    labels = tf.where(known if labels.ndim == 1 else known[:, None], labels, tf.zeros_like(labels))
    loss = masked_mean(task.loss(labels, outputs[task.name]), known)
    if task.auxiliary:
        single = [task.loss(labels, outputs[f"{task.name}_{name}"]) for name in spec.input_names]
        loss += task.auxiliary * masked_mean(tf.stack(single, 1), tf.logical_and(present, known[:, None]))
    return loss


def masked_mean(losses: Any, kept: Any) -> Any:
    """The mean of the losses at the True places of `kept`, 0 where there are none."""
    kept = tf.cast(kept, tf.float32)
    return tf.reduce_sum(losses * kept) / tf.maximum(tf.reduce_sum(kept), 1.0)
