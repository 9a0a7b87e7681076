"""What training makes small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import keras
import tensorflow as tf

from mmzoo.aliases import Tensor, Tree
from mmzoo.names import LOG_VARIANCES, single_output
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task

if TYPE_CHECKING:
    from mmzoo.training.methods.base import TrainingMethod


TOGETHER = 4096  # validation records that are compared with each other


class Slopes(NamedTuple):
    """A loss of a whole batch, float32 (), and its slopes at the outputs of some examples, by name (B, ...)."""

    loss: Tensor
    of: dict[str, Tensor]


@dataclass(frozen=True)
class Batch:
    """Examples, and what the means of their losses are over.

    Args:
        inputs: what a feed gives, by input, and `present`.
        labels: by task; or, of mixed examples, a tuple of such dicts, and `weights` one of their shares.
        present: bool (B, M), which modalities are really there (`mmzoo.graph.cut.presence_model`).
        weights: float32 (B,), how much each example counts in a mean; None where all count alike.
        totals: what `known_totals` gives for the whole batch, where this is a part of it; the losses of all parts
            then add up to the loss of the whole.
        share: how much of the whole batch this part is.
        slopes: by task whose target is the batch, its loss of the whole batch and that loss's slopes at the outputs of
            this part, where `whole_batch` has found them beforehand.
    """

    inputs: dict[str, Tree]
    labels: Tree
    present: Tensor
    weights: Tree
    totals: Tensor
    share: float = 1.0
    slopes: dict[str, Slopes] | None = None

    def part(self, index: int, count: int) -> Batch:
        """The part at `index` of `count` equal ones."""
        rows = self.present.shape[0] // count
        slopes = {name: each.of for name, each in (self.slopes or {}).items()}
        given = self.inputs, self.labels, self.present, slopes, *([] if self.weights is None else [self.weights])
        inputs, labels, present, slopes, *weights = keras.tree.map_structure(
            lambda x: x[index * rows : (index + 1) * rows], given
        )
        found = {name: Slopes(each.loss, slopes[name]) for name, each in (self.slopes or {}).items()}
        share = self.share / count
        return Batch(inputs, labels, present, weights[0] if weights else None, self.totals, share, found or None)


@dataclass(frozen=True)
class TaskLoss:
    """The loss of one task before its `weight`: `factor * (shares[0] * fused + sum_m shares[1 + m] * single[m])`.

    Args:
        fused: float32 (), the mean loss of the task's answer.
        single: float32 (M,), of each modality the mean loss of its own answer over the examples that have it; None
            where the task has no `auxiliary`.
        shares: float32 (1 + M,), how much these count; of `fused` alone where there is no other.
        factor: float32 (), by which the whole is multiplied.
    """

    fused: Tensor
    single: Tensor | None
    shares: Tensor
    factor: Tensor = 1.0

    @property
    def value(self) -> Tensor:
        """The loss without the factor, float32 ()."""
        if self.single is None:
            return self.fused
        return self.shares[0] * self.fused + tf.reduce_sum(self.shares[1:] * self.single)


def total_loss(
    spec: Spec,
    outputs: dict[str, Tensor],
    labels: Tree,
    present: Tensor,
    weights: Tree | None = None,
    methods: Sequence[TrainingMethod] = (),
) -> Tensor:
    """The loss of a batch: `sum_t weight_t * (loss_t + auxiliary_t * mean over present modalities of their loss)`.

    A mean is over the examples whose label is known, and 0 where none is. With learned task weights
    a task's share is `weight * (exp(-s) * loss + s / 2)`, for numbers `weight * (exp(-s) * loss + s) / 2`,
    where `s = log sigma^2` (Kendall et al. 2018, arXiv:1705.07115, equations 7 and 10).

    Args:
        labels, present, weights: see `Batch`. Of a task that compares all examples the first 4,096 are compared.
        methods: as they weigh tasks and heads by now; what they add to the loss of a training is not in it.
    """
    batch = Batch({}, labels, present, weights, known_totals(spec, labels, present, weights))
    for task in spec.tasks:
        if task.target == "batch" and isinstance(labels, dict) and len(labels[task.name]) > TOGETHER:
            outputs = outputs | {name: outputs[name][:TOGETHER] for name in task.batch_outputs}
            batch = replace(batch, labels=batch.labels | {task.name: labels[task.name][:TOGETHER]})
    return tf.add_n(weighed_losses(spec, outputs, batch, task_losses(spec, outputs, batch, methods)))


def weighed_losses(spec: Spec, outputs: dict[str, Tensor], batch: Batch, losses: Sequence[TaskLoss]) -> list[Tensor]:
    """What each task adds to the loss of a batch, float32 ()."""
    weighed = []
    for index, (task, loss) in enumerate(zip(spec.tasks, losses, strict=True)):
        value = loss.value
        if spec.task_weights == "learned":
            s = outputs[LOG_VARIANCES][0, index]
            value = tf.exp(-s) * value * (0.5 if task.tags.numeric else 1.0) + batch.share * s / 2
        weighed.append(task.weight * value * loss.factor)
    return weighed


def task_losses(
    spec: Spec, outputs: dict[str, Tensor], batch: Batch, methods: Sequence[TrainingMethod] = ()
) -> list[TaskLoss]:
    """The loss of each task, as the methods change it one after the other."""
    losses = [task_loss(spec, index, outputs, batch) for index in range(len(spec.tasks))]
    for method in methods:
        losses = method.losses(batch, outputs, losses)
    return losses


def task_loss(spec: Spec, index: int, outputs: dict[str, Tensor], batch: Batch) -> TaskLoss:
    """The loss of one task over the examples whose label is known; heads of single modalities count `auxiliary`."""
    task, totals = spec.tasks[index], batch.totals[index]
    if task.target == "batch":
        return TaskLoss(loss_of_batch(task, outputs, batch), None, tf.ones(1))
    fused: Tensor = 0.0
    single: Tensor = 0.0
    for side, weights in sides(batch.labels, batch.weights):
        known, labels = stand_in(task, side[task.name])
        kept = weighted(known, weights)
        fused += tf.reduce_sum(task.loss(labels, outputs[task.loss_output]) * kept) / above_zero(totals[0])
        if task.auxiliary:
            heads = [outputs[single_output(task.name, name)] for name in spec.input_names]
            losses = tf.stack([task.loss(labels, head) for head in heads], 1)
            if task.mutual:
                losses += task.mutual * apart_from_others(task, heads, batch.present)
            kept = kept[:, None] * tf.cast(batch.present, tf.float32)
            single += tf.reduce_sum(losses * kept, axis=0) / above_zero(totals[2:])
    if not task.auxiliary:
        return TaskLoss(fused, None, tf.ones(1))
    shares = task.auxiliary * totals[2:] / above_zero(tf.reduce_sum(totals[2:]))
    return TaskLoss(fused, single, tf.concat([[1.0], shares], axis=0))


def loss_of_batch(task: Task, outputs: dict[str, Tensor], batch: Batch) -> Tensor:
    """The loss of a task whose target is the batch, float32 (): this part's share of it, with its slopes."""
    (labels, _), *_ = sides(batch.labels, batch.weights)  # of mixed examples, which are their own partners, the first
    found = (batch.slopes or {}).get(task.name) or whole_batch(task, outputs, labels[task.name])
    attached = tf.add_n([tf.reduce_sum(outputs[name] * slopes) for name, slopes in found.of.items()])
    # The number is the loss; what it is differentiated by are the slopes.
    return batch.share * found.loss + attached - tf.stop_gradient(attached)


def whole_batch(task: Task, outputs: dict[str, Tensor], labels: Tensor) -> Slopes:
    """The loss of what all replicas have, and its slopes at the outputs of this one.

    The vectors alone are exchanged and compared: the slopes then go through the model part by part, so that memory is
    that of a part (Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size", arXiv:2101.06983).
    """
    own = {name: tf.stop_gradient(tf.cast(outputs[name], tf.float32)) for name in task.batch_outputs}
    context = tf.distribute.get_replica_context()
    together, rows, first = own, labels.shape[0], 0
    if context is not None and context.num_replicas_in_sync > 1:
        together, labels = context.all_gather((own, labels), 0)
        first = context.replica_id_in_sync_group * rows
    with tf.GradientTape() as tape:
        tape.watch(together)
        loss = task.batch_loss(labels, together)
    slopes = tape.gradient(loss, together, unconnected_gradients="zero")
    return Slopes(loss, {name: tf.stop_gradient(slope[first : first + rows]) for name, slope in slopes.items()})


def sides(labels: Tree, weights: Tree) -> list[tuple[dict[str, Tensor], Tensor]]:
    """The labels and their weights: one pair of them, or those that an example was mixed of."""
    return list(zip(labels, weights, strict=True)) if isinstance(labels, tuple) else [(labels, weights)]


def known_totals(spec: Spec, labels: Tree, present: Tensor, weights: Tree | None = None) -> Tensor:
    """The weight of what each task's means are over, float32 (tasks, 2 + M).

    Examples whose label is known, all examples, and those of the first that have each modality.
    """
    rows = []
    for task in spec.tasks:
        known = [(task.known(side[task.name]), share) for side, share in sides(labels, weights)]
        single = tf.add_n([weighted(each, share) for each, share in known])
        every = tf.add_n([tf.reduce_sum(weighted(tf.ones_like(each), share)) for each, share in known])
        none = tf.zeros(len(spec.inputs))
        heads = tf.reduce_sum(single[:, None] * tf.cast(present, tf.float32), axis=0) if task.auxiliary else none
        rows.append(tf.concat([[tf.reduce_sum(single), every], heads], axis=0))
    return tf.stack(rows)


def stand_in(task: Task, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Which labels are known, and the labels with a stand-in for the others: their loss must be finite too."""
    known = task.known(labels)
    other = tf.cast(task.any_label, labels.dtype)
    return known, tf.where(known if labels.ndim == 1 else known[:, None], labels, other)


def apart_from_others(task: Task, heads: list[Tensor], present: Tensor) -> Tensor:
    """How far each modality's answer is from those of the others that are present, on average: (B, M)."""
    here = tf.cast(present, tf.float32)
    columns = []
    for learner, head in enumerate(heads):
        others = [k for k in range(len(heads)) if k != learner]
        found = [task.imitation(tf.stop_gradient(heads[k]), head) * here[:, k] for k in others]
        count = tf.add_n([here[:, k] for k in others]) if others else here[:, 0] * 0.0
        columns.append(tf.add_n(found) / above_zero(count) if found else count)
    return tf.stack(columns, axis=1)


def weighted(known: Tensor, weights: Tensor | None) -> Tensor:
    """What each example counts for, float32 (B,): its weight where its label is known, else 0."""
    known = tf.cast(known, tf.float32)
    return known if weights is None else known * weights


def above_zero(total: Tensor) -> Tensor:
    """A divisor: `total`, or 1 where there is nothing to divide."""
    return tf.where(total > 0, total, 1.0)
