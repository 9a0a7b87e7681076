"""What training makes small."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from mmzoo.names import LOG_VARIANCES, single_output, teacher_labels
from mmzoo.spec import Spec
from mmzoo.tasks import Task


class Teaching(NamedTuple):
    """How much of a loss is a teacher's, and the temperature at which its answers are imitated."""

    share: float
    temperature: float


NO_TEACHER = Teaching(0.0, 1.0)


def total_loss(
    spec: Spec,
    outputs: dict[str, Any],
    labels: Any,
    present: Any,
    weights: Any = None,
    *,
    totals: Any = None,
    share: float = 1.0,
    teaching: Teaching = NO_TEACHER,
    factors: Any = None,
    blend: Any = None,
) -> Any:
    """The loss of a batch: `sum_t weight_t * (loss_t + auxiliary_t * mean over present modalities of their loss)`.

    A mean is over the examples whose label is known, and 0 where none is. With learned task weights
    a task's share is `weight * (exp(-s) * loss + s / 2)`, for regression `weight * (exp(-s) * loss + s) / 2`,
    where `s = log sigma^2` (Kendall et al. 2018, arXiv:1705.07115, equations 7 and 10).

    Args:
        present: bool (B, M), which modalities are really there (`mmzoo.graph.cut.presence_model`).
        labels: by task; or, of mixed examples, a tuple of such dicts, and `weights` one of their shares.
        weights: float32 (B,), how much each example counts in a mean; 1 if not given.
        totals: what `known_totals` gives for the whole batch, where this is a part of it; the losses of all
            parts then add up to the loss of the whole.
        share: how much of the whole batch this part is.
        teaching: how much a teacher counts, where `labels` have what it answers; then a task's loss is
            `(1 - share) * loss + share * mean of the imitation`, the latter also of examples without a label.
        factors: float32 (tasks,), by which each task counts beside its weight; 1 if not given.
        blend: float32 (tasks, 1 + M), the weights of each task's fused head and of those of the modalities; a task's
            loss is then the sum of their means, each over the examples that have the modality.
    """
    given = {"totals": totals, "share": share, "teaching": teaching, "factors": factors, "blend": blend}
    return tf.add_n(weighed_losses(spec, outputs, labels, present, weights, **given))


def weighed_losses(
    spec: Spec,
    outputs: dict[str, Any],
    labels: Any,
    present: Any,
    weights: Any = None,
    *,
    totals: Any = None,
    share: float = 1.0,
    teaching: Teaching = NO_TEACHER,
    factors: Any = None,
    blend: Any = None,
) -> list[Any]:
    """What each task adds to `total_loss`, which is their sum."""
    totals = known_totals(spec, labels, present, weights) if totals is None else totals
    weighed = []
    single = task_losses(spec, outputs, labels, present, weights, totals, teaching, blend)
    for index, loss in enumerate(single):
        task = spec.tasks[index]
        if spec.task_weights == "learned":
            s = outputs[LOG_VARIANCES][0, index]
            loss = tf.exp(-s) * loss * (1.0 if task.labels else 0.5) + share * s / 2
        weighed.append(task.weight * loss * (1.0 if factors is None else factors[index]))
    return weighed


def task_losses(
    spec: Spec,
    outputs: dict[str, Any],
    labels: Any,
    present: Any,
    weights: Any,
    totals: Any,
    teaching: Teaching,
    blend: Any = None,
) -> list[Any]:
    """Each task's part of the loss, before any weight."""
    return [
        sum(
            task_loss(
                spec,
                task,
                outputs,
                side,
                present,
                share_of,
                totals[index],
                teaching,
                None if blend is None else blend[index],
            )
            for side, share_of in sides(labels, weights)
        )
        for index, task in enumerate(spec.tasks)
    ]


def sides(labels: Any, weights: Any) -> list[tuple[dict[str, Any], Any]]:
    """The labels and their weights: one pair of them, or those that an example was mixed of."""
    return list(zip(labels, weights, strict=True)) if isinstance(labels, tuple) else [(labels, weights)]


def known_totals(spec: Spec, labels: Any, present: Any, weights: Any = None) -> Any:
    """The weight of what each task's means are over, float32 (tasks, 2 + M).

    Examples whose label is known, all examples, and those of the first that have each modality.
    """
    rows = []
    for task in spec.tasks:
        single = sum(weighted(task.known(side[task.name]), share) for side, share in sides(labels, weights))
        none = tf.zeros(len(spec.inputs))
        heads = tf.reduce_sum(single[:, None] * tf.cast(present, tf.float32), axis=0) if task.auxiliary else none
        every = sum(
            tf.reduce_sum(weighted(tf.ones_like(task.known(side[task.name])), share))
            for side, share in sides(labels, weights)
        )
        rows.append(tf.concat([[tf.reduce_sum(single), every], heads], axis=0))
    return tf.stack(rows)


def task_loss(
    spec: Spec,
    task: Task,
    outputs: dict[str, Any],
    side: dict[str, Any],
    present: Any,
    weights: Any,
    totals: Any,
    teaching: Teaching,
    blend: Any,
) -> Any:
    """`loss + auxiliary * mean over present modalities of their loss`, over the examples whose label is known."""
    known, labels = stand_in(task, side[task.name])
    kept = weighted(known, weights)
    loss = tf.reduce_sum(task.loss(labels, outputs[task.name]) * kept) / above_zero(totals[0])
    taught = side.get(teacher_labels(task.name))
    if taught is not None:
        apart = task.imitation(taught, outputs[task.name], teaching.temperature)
        apart = tf.reduce_sum(apart * weighted(tf.ones_like(known), weights)) / above_zero(totals[1])
        loss = (1 - teaching.share) * loss + teaching.share * apart
    if task.auxiliary:
        heads = [outputs[single_output(task.name, name)] for name in spec.input_names]
        single = tf.stack([task.loss(labels, head) for head in heads], 1)
        if task.mutual:
            single += task.mutual * apart_from_others(task, heads, present)
        kept = kept[:, None] * tf.cast(present, tf.float32)
        if blend is not None:
            return blend[0] * loss + tf.reduce_sum(blend[1:] * tf.reduce_sum(single * kept, 0) / above_zero(totals[2:]))
        loss += task.auxiliary * tf.reduce_sum(single * kept) / above_zero(tf.reduce_sum(totals[2:]))
    return loss


def stand_in(task: Task, labels: Any) -> tuple[Any, Any]:
    """Which labels are known, and the labels with a stand-in for the others: their loss must be finite too."""
    known = task.known(labels)
    return known, tf.where(known if labels.ndim == 1 else known[:, None], labels, tf.zeros_like(labels))


def apart_from_others(task: Task, heads: list[Any], present: Any) -> Any:
    """How far each modality's answer is from those of the others that are present, on average: (B, M)."""
    here = tf.cast(present, tf.float32)
    columns = []
    for learner, head in enumerate(heads):
        others = [k for k in range(len(heads)) if k != learner]
        found = [task.imitation(tf.stop_gradient(heads[k]), head) * here[:, k] for k in others]
        count = tf.add_n([here[:, k] for k in others]) if others else here[:, 0] * 0.0
        columns.append(tf.add_n(found) / above_zero(count) if found else count)
    return tf.stack(columns, axis=1)


def weighted(known: Any, weights: Any) -> Any:
    """What each example counts for, float32 (B,): its weight where its label is known, else 0."""
    known = tf.cast(known, tf.float32)
    return known if weights is None else known * weights


def above_zero(total: Any) -> Any:
    """A divisor: `total`, or 1 where there is nothing to divide."""
    return tf.where(total > 0, total, 1.0)
