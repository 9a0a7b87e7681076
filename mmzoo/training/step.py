"""The loss of a batch and its gradient: the same on every replica, whatever there is to learn by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from mmzoo.aliases import Tensor, Tree
from mmzoo.graph.cut import presence_model
from mmzoo.names import PRESENT
from mmzoo.spec import Spec
from mmzoo.training.loss import Batch, TaskLoss, known_totals, sides, task_losses, weighed_losses, whole_batch
from mmzoo.training.methods import made
from mmzoo.training.methods.base import TrainingMethod
from mmzoo.training.model.teaching import teaching, with_given
from mmzoo.training.settings import Training
from mmzoo.tuning.groups import Tuned

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal


class Gradients:
    """What a step needs of a batch. To be made in the scope of the strategy that the model was built in.

    Args:
        model: from what a feed gives to the model's outputs; `prepared` gives it the outputs that are needed here.
        tuned: what trains of it.
        methods: those of the settings, built.
    """

    def __init__(
        self, spec: Spec, model: keras.Model, training: Training, tuned: Tuned, methods: Sequence[TrainingMethod]
    ) -> None:
        self.spec, self.model, self.training, self.additions = spec, model, training, tuned.additions
        self.methods = methods
        self.replicas = tf.distribute.get_strategy().num_replicas_in_sync
        self.presence = presence_model(model)
        self.adding = [method for method in methods if method.term]
        self.terms = (*(f"loss_{task.name}" for task in spec.tasks), *(m.term for m in self.adding), "layers_loss")
        """What the loss is the sum of: the tasks, what methods add, what layers add of their own (`model.losses`)."""

    def __call__(
        self, batch: Sequence[Tree], variables: list[keras.Variable], scale: Tensor
    ) -> tuple[Tensor, list[Tensor], Tensor]:
        """From a replica's part of a batch: its part of the loss, the clipped gradient of the whole, is that finite?

        The loss is float32 (terms,), see `terms`.

        Args:
            batch: `(inputs, labels[, weights])`.
            variables: those that the gradient is asked for.
            scale: by which the loss is multiplied on the way, so that 16 bits can hold its gradient.
        """
        whole = self._cached(self._whole(*batch))
        loss = tf.zeros(len(self.terms))
        measured: list[Tensor | None] = [None] * len(self.methods)
        gradients: list[Tensor] = []
        for index in range(self.training.grad_accum_steps):
            part = whole.part(index, self.training.grad_accum_steps)
            # One after the other: together they would take the memory of the whole.
            with tf.control_dependencies(gradients), tf.GradientTape(persistent=bool(self.methods)) as tape:
                outputs, added = self._called(self._clean, part.inputs)
                losses = task_losses(self.spec, outputs, part, self.methods)
                terms = tf.concat([self._terms(part, outputs, losses, scale), [part.share * added]], axis=0)
                scaled = tf.reduce_sum(terms) * scale
            slopes = tape.gradient(scaled, [v.value for v in variables], unconnected_gradients="zero")
            slopes = [tf.convert_to_tensor(slope) for slope in slopes]
            gradients = [g + more for g, more in zip(gradients, slopes, strict=True)] if gradients else slopes
            loss += terms
            found = [method.measure(part, outputs, losses, tape) for method in self.methods]
            measured = [a if b is None else a + b for a, b in zip(found, measured, strict=True)]
        for method, total in zip(self.methods, measured, strict=True):
            if total is not None:
                method.update(added_over_replicas(total))
        sent = [tf.cast(g, self.training.allreduce_dtype) for g in gradients] if self.replicas > 1 else gradients
        gradients = [tf.cast(g, tf.float32) / scale for g in added_over_replicas(sent)]
        norm = tf.linalg.global_norm(gradients)
        clipped, _ = tf.clip_by_global_norm(gradients, self.training.clip_norm, norm)
        return loss, clipped, tf.math.is_finite(norm)

    def _whole(self, inputs: dict[str, Tree], labels: Tree, weights: Tree | None = None) -> Batch:
        """The batch, with what the means of its losses are over."""
        # Not what a table says: what the model takes for absent has no loss. And before the losses, because of all
        # parts and replicas must be known what a mean is over.
        inputs = with_given(self.spec, inputs, labels)
        here = self.presence(inputs, training=False)[PRESENT]
        totals = added_over_replicas(known_totals(self.spec, labels, here, weights))
        return Batch(inputs, labels, here, weights, totals, 1 / self.replicas)

    def _cached(self, whole: Batch) -> Batch:
        """The batch with the losses that hang on all of it, where it goes through the model in parts.

        It does so twice: what is drawn in the first pass, such as what drops out, is drawn again in the second.
        """
        tasks, count = [task for task in self.spec.tasks if task.target == "batch"], self.training.grad_accum_steps
        if count == 1 or not tasks:
            return whole
        before = [(variable, tf.identity(variable.value)) for variable in self.model.non_trainable_variables]
        found: dict[str, list[Tensor]] = {name: [] for task in tasks for name in task.batch_outputs}
        done: list[Tensor] = []
        for index in range(count):
            with tf.control_dependencies(done):
                outputs, _ = self._called(self._clean, whole.part(index, count).inputs)
            done = [outputs[name] for name in found]
            for name, kept in found.items():
                kept.append(outputs[name])
        with tf.control_dependencies(done):
            for variable, value in before:
                variable.assign(value)
        outputs = {name: tf.concat(kept, axis=0) for name, kept in found.items()}
        (labels, _), *_ = sides(whole.labels, whole.weights)
        return replace(whole, slopes={task.name: whole_batch(task, outputs, labels[task.name]) for task in tasks})

    def _terms(self, part: Batch, outputs: dict[str, Tensor], losses: list[TaskLoss], scale: Tensor) -> Tensor:
        """The terms of a part's loss but for that of the layers, float32 (terms - 1,): the mean over its outputs."""

        def terms_of(outputs: dict[str, Tensor], losses: list[TaskLoss] | None = None) -> Tensor:
            losses = task_losses(self.spec, outputs, part, self.methods) if losses is None else losses
            added = [method.added_loss(part, outputs) for method in self.adding]
            return tf.stack([*weighed_losses(self.spec, outputs, part, losses), *added])

        def loss_of(outputs: dict[str, Tensor]) -> Tensor:
            return tf.reduce_sum(terms_of(outputs)) * scale

        harder = [self._called(method.harder, part, loss_of) for method in self.methods]
        found = [terms_of(outputs, losses), *(terms_of(each) for each in harder if each is not None)]
        return tf.add_n(found) / len(found)

    def _clean(self, inputs: dict[str, Tree]) -> tuple[dict[str, Tensor], Tensor]:
        """What the model puts out in training, and the sum of what its layers add to the loss."""
        outputs = self.model(inputs, training=True)
        return outputs, tf.add_n([tf.constant(0.0), *(tf.cast(loss, tf.float32) for loss in self.model.losses)])

    def _called(self, call: Callable[..., object], *arguments: object) -> Tree:
        """What a call of the model gives with what is added to its kernels."""
        if not self.additions:
            return call(*arguments)
        sums = [(each.kernel, each.total()) for each in self.additions]
        changed = {id(each.kernel) for each in self.additions}
        # Within the scope a regularizer is given what the scope has of its weight, be that nothing.
        sums += [
            (weight, tf.convert_to_tensor(weight.value))
            for weight in self.model.trainable_weights
            if weight.regularizer is not None and id(weight) not in changed
        ]
        with keras.StatelessScope(sums, collect_losses=True) as scope:
            outputs = call(*arguments)
        # Seeds and batch statistics have only moved in the scope.
        for variable in self.model.non_trainable_variables:
            value = scope.get_current_value(variable)
            if value is not None:
                variable.assign(value)
        return outputs


def added_over_replicas(value: Tensor) -> Tensor:
    """The sum of what every replica gives here."""
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)


def prepared(spec: Spec, model: Multimodal, training: Training) -> keras.Model:
    """The model with what the methods need beside its own outputs; and with what teaches those that write texts."""
    given, more = teaching(spec, model.parts)
    for method in made(training.methods):
        more |= method.outputs(model.parts)
    return model.parts.cut({**model.input, **given}, {**model.output, **more}) if more else model
