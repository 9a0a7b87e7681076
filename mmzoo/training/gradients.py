"""The loss of a batch and its gradient: the same on every replica, whatever there is to learn by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from mmzoo.graph.cut import presence_model
from mmzoo.names import EMBEDDING, PRESENT
from mmzoo.spec import Spec
from mmzoo.training.adversarial import Attack
from mmzoo.training.blending import Blending
from mmzoo.training.contrast import contrast, with_pooled
from mmzoo.training.gradnorm import GradNorm, with_embedding
from mmzoo.training.loss import Teaching, known_totals, task_losses, weighed_losses
from mmzoo.training.modulation import Modulation, with_towers
from mmzoo.training.settings import Training
from mmzoo.tuning.groups import Tuned


class Gradients:
    """What a step needs of a batch, and what the ways to learn keep from step to step.

    To be made in the scope of the strategy that the model was built in.

    Args:
        model: from what a feed gives to the model's outputs; `prepared` gives it the outputs that are needed here.
        tuned: what trains of it.
    """

    def __init__(self, spec: Spec, model: keras.Model, training: Training, tuned: Tuned) -> None:
        self.spec, self.model, self.training, self.additions = spec, model, training, tuned.additions
        self.replicas = tf.distribute.get_strategy().num_replicas_in_sync
        self.teaching = Teaching(training.teacher_share, training.temperature)
        self.presence = presence_model(model)
        tasks = [f"loss_{task.name}" for task in spec.tasks]
        self.terms = (*tasks, *["contrast_loss"] * bool(training.contrast), "layers_loss")
        """What the loss is the sum of: the tasks, the contrast, and what layers add of their own (`model.losses`)."""
        hard, way = training.adversarial, training.modulate
        self.attack = None if hard == "none" else Attack(spec, model, hard, training.adversarial_size)
        self.balance = GradNorm(len(spec.tasks)) if spec.task_weights == "gradnorm" else None
        self.blending = Blending(spec) if training.blend else None
        self.modulation = None if way == "none" else Modulation(spec, model, tuned, way, training.modulate_alpha)

    @property
    def state(self) -> list[Any]:
        """What a checkpoint has to keep of it."""
        ways = (self.balance, self.blending, self.modulation)
        return [variable for way in ways if way for variable in way.variables]

    def __call__(self, batch: Sequence[Any], variables: list[Any], scale: Any) -> tuple[Any, list[Any], Any]:
        """From a replica's part of a batch: its part of the loss, the clipped gradient of the whole, is that finite?

        The loss is float32 (terms,), see `terms`.

        Args:
            batch: `(inputs, labels[, weights])`.
            variables: those that the gradient is asked for.
            scale: by which the loss is multiplied on the way, so that 16 bits can hold its gradient.
        """
        context = tf.distribute.get_replica_context()
        inputs, labels, *weights = batch
        # Not what a table says: what the model takes for absent has no loss. And before the losses, because of all
        # parts and replicas must be known what a mean is over.
        here = self.presence(inputs, training=False)[PRESENT]
        totals = known_totals(self.spec, labels, here, *weights)
        totals = context.all_reduce(tf.distribute.ReduceOp.SUM, totals)
        parts = self.training.accumulate
        rows = here.shape[0] // parts
        count, modalities = len(self.spec.tasks), len(self.spec.inputs)
        losses, squares, scores = tf.zeros(count), tf.zeros(count), tf.zeros((2, modalities))
        loss = tf.zeros(len(self.terms))
        gradients: list[Any] = []
        for k in range(parts):
            cut = slice(k * rows, (k + 1) * rows)
            present, (inputs, labels, *weights) = keras.tree.map_structure(lambda x, cut=cut: x[cut], (here, batch))
            # One after the other: together they would take the memory of the whole.
            given = {"totals": totals, "share": 1 / (parts * self.replicas), "teaching": self.teaching}
            given["factors"] = self.balance.weights if self.balance else None
            given["blend"] = self.blending.weights if self.blending else None

            def losses_of(outputs: Any, known: Any = (labels, present, *weights), given: Any = given) -> Any:
                found = weighed_losses(self.spec, outputs, *known, **given)
                if self.training.contrast:
                    found.append(self.training.contrast * contrast(self.spec, outputs, known[1]) / self.replicas)
                return tf.stack(found)

            with tf.control_dependencies(gradients), tf.GradientTape(persistent=self.balance is not None) as tape:
                outputs, added = self._with_additions(self._clean, inputs)
                part = losses_of(outputs)
                weighed = weights[0] if weights else None
                if self.balance:
                    known = (labels, present, weighed, totals, self.teaching)
                    single = task_losses(self.spec, outputs, *known, blend=given["blend"])
                if self.attack:
                    changed, _ = self._with_additions(self._attacked, inputs, losses_of, scale)
                    part = (part + losses_of(changed)) / 2
                part = tf.concat([part, [given["share"] * added]], axis=0)
                scaled = tf.reduce_sum(part) * scale
            found = tape.gradient(scaled, [v.value for v in variables], unconnected_gradients="zero")
            found = [tf.convert_to_tensor(slope) for slope in found]
            gradients = [g + more for g, more in zip(gradients, found, strict=True)] if gradients else found
            loss += part
            if self.balance:
                slopes = [tape.gradient(each, outputs[EMBEDDING], unconnected_gradients="zero") for each in single]
                squares += tf.stack([tf.reduce_sum(tf.cast(slope, tf.float32) ** 2) for slope in slopes])
                losses += tf.stack(single)
            if self.modulation:
                scores += self.modulation.scores(outputs, labels, present, weighed)
        if self.balance:
            self.balance.update(*context.all_reduce(tf.distribute.ReduceOp.SUM, [losses, squares]))
        if self.modulation:
            self.modulation.update(*tf.unstack(context.all_reduce(tf.distribute.ReduceOp.SUM, scores)))
        sent = [tf.cast(g, self.training.exchange) for g in gradients] if self.replicas > 1 else gradients
        gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, sent)
        gradients = [tf.cast(g, tf.float32) / scale for g in gradients]
        norm = tf.linalg.global_norm(gradients)
        clipped, _ = tf.clip_by_global_norm(gradients, self.training.clip_norm, norm)
        return loss, clipped, tf.math.is_finite(norm)

    def _clean(self, inputs: Any) -> Any:
        """What the model puts out in training, and the sum of what its layers add to the loss."""
        outputs = self.model(inputs, training=True)
        return outputs, tf.add_n([tf.constant(0.0), *(tf.cast(loss, tf.float32) for loss in self.model.losses)])

    def _attacked(self, inputs: Any, losses_of: Callable[[Any], Any], scale: Any) -> Any:
        """What the model puts out in training for examples that are changed so that their loss rises."""
        assert self.attack is not None
        changed = self.attack(inputs, lambda outputs: tf.reduce_sum(losses_of(outputs)) * scale)
        return self.attack.outputs(inputs, changed), None

    def _with_additions(self, call: Callable[..., Any], *arguments: Any) -> Any:
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


def prepared(model: keras.Model, spec: Spec, training: Training) -> keras.Model:
    """The model with the outputs that the settings need beside its own."""
    model = with_pooled(model, spec) if training.contrast else model
    model = with_embedding(model, spec) if spec.task_weights == "gradnorm" else model
    return with_towers(model, spec) if training.modulate != "none" else model
