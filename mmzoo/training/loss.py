"""What training makes small."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from mmzoo.layers import LOG_VARIANCES
from mmzoo.spec import Spec
from mmzoo.tasks import Task


def total_loss(
    spec: Spec,
    outputs: dict[str, Any],
    labels: Any,
    present: Any,
    weights: Any = None,
    *,
    totals: Any = None,
    share: float = 1.0,
) -> Any:
    """The loss of a batch: `sum_t weight_t * (loss_t + auxiliary_t * mean over present modalities of their loss)`.

    A mean is over the examples whose label is known, and 0 where none is. With learned task weights
    a task's share is `weight * (exp(-s) * loss + s / 2)`, for regression `weight * (exp(-s) * loss + s) / 2`,
    where `s = log sigma^2` (Kendall et al. 2018, arXiv:1705.07115, equations 7 and 10).

    Args:
        labels: by task; or, of mixed examples, a tuple of such dicts, and `weights` one of their shares.
        weights: float32 (B,), how much each example counts in a mean; 1 if not given.
        totals: what `known_totals` gives for the whole batch, where this is a part of it; the losses of all
            parts then add up to the loss of the whole.
        share: how much of the whole batch this part is.
    """
    totals = known_totals(spec, labels, present, weights) if totals is None else totals
    total = 0.0
    for index, task in enumerate(spec.tasks):
        loss = sum(
            task_loss(spec, task, outputs, side[task.name], present, share_of, totals[index])
            for side, share_of in sides(labels, weights)
        )
        if spec.task_weights == "learned":
            s = outputs[LOG_VARIANCES][0, index]
            loss = tf.exp(-s) * loss * (1.0 if task.labels else 0.5) + share * s / 2
        total += task.weight * loss
    return total


def sides(labels: Any, weights: Any) -> list[tuple[dict[str, Any], Any]]:
    """The labels and their weights: one pair of them, or those that an example was mixed of."""
    return list(zip(labels, weights, strict=True)) if isinstance(labels, tuple) else [(labels, weights)]


def known_totals(spec: Spec, labels: Any, present: Any, weights: Any = None) -> Any:
    """The weight of what each task's means are over, float32 (tasks, 2): examples, and modalities in them."""
    rows = []
    for task in spec.tasks:
        single = sum(weighted(task.known(side[task.name]), share) for side, share in sides(labels, weights))
        heads = tf.reduce_sum(single[:, None] * tf.cast(present, tf.float32)) if task.auxiliary else 0.0
        rows.append(tf.stack([tf.reduce_sum(single), heads]))
    return tf.stack(rows)


def task_loss(
    spec: Spec, task: Task, outputs: dict[str, Any], labels: Any, present: Any, weights: Any, totals: Any
) -> Any:
    """`loss + auxiliary * mean over present modalities of their loss`, over the examples whose label is known."""
    known = task.known(labels)
    # A stand-in for what is missing, so that its loss, which counts for nothing, is a finite number.
    labels = tf.where(known if labels.ndim == 1 else known[:, None], labels, tf.zeros_like(labels))
    kept = weighted(known, weights)
    loss = tf.reduce_sum(task.loss(labels, outputs[task.name]) * kept) / above_zero(totals[0])
    if task.auxiliary:
        single = tf.stack([task.loss(labels, outputs[f"{task.name}_{name}"]) for name in spec.input_names], 1)
        kept = kept[:, None] * tf.cast(present, tf.float32)
        loss += task.auxiliary * tf.reduce_sum(single * kept) / above_zero(totals[1])
    return loss


def weighted(known: Any, weights: Any) -> Any:
    """What each example counts for, float32 (B,): its weight where its label is known, else 0."""
    known = tf.cast(known, tf.float32)
    return known if weights is None else known * weights


def above_zero(total: Any) -> Any:
    """A divisor: `total`, or 1 where there is nothing to divide."""
    return tf.where(total > 0, total, 1.0)
