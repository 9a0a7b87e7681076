"""The state of a run, and what moves it: one step, on every replica of a strategy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mmzoo.errors import require
from mmzoo.spec import Spec
from mmzoo.training.adversarial import Attack
from mmzoo.training.contrast import contrast
from mmzoo.training.feed import Feed
from mmzoo.training.gradnorm import EMBEDDING, GradNorm
from mmzoo.training.loss import Teaching, known_totals, task_losses, total_loss
from mmzoo.training.pruning import Pruning
from mmzoo.training.rate import Rate
from mmzoo.training.settings import Training
from mmzoo.tuning.groups import Tuned
from mmzoo.tuning.model import tune

FIRST_SCALE = 2.0**15
CALM = 2000  # steps without an overflow after which the loss scale doubles


class AdamW(keras.optimizers.AdamW):
    """AdamW for gradients that are summed over the replicas already: they are clipped before it sees them."""

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        return grads_and_vars


class Trainer:
    """The state of a run and what moves it. To be made in the scope of the strategy that the model was built in.

    Args:
        model: from what a feed gives to the model's outputs.
        steps: how many there will be in all.
        tuned: what trains of the model; as the settings say, if not given.
    """

    def __init__(
        self, spec: Spec, model: keras.Model, training: Training, steps: int, tuned: Tuned | None = None
    ) -> None:
        self.spec, self.model, self.training = spec, model, training
        self.strategy = tf.distribute.get_strategy()
        self.replicas = self.strategy.num_replicas_in_sync
        self.factor = tf.Variable(1.0, trainable=False)
        self.tuned = tuned or tune(model, training)
        self.optimizers = []
        for group in self.tuned.groups:
            begin = steps * group.epoch // training.epochs
            peak = training.learning_rate * group.rate
            schedule = Rate(peak, steps, training.schedule == "cosine", self.factor, begin)
            optimizer = AdamW(schedule, weight_decay=training.weight_decay)
            optimizer.build(group.variables)
            self.optimizers.append(optimizer)
        # Only of what trains: batch statistics are averages already.
        averaged = [v for group in self.tuned.groups for v in group.variables if training.average]
        self.averages = [(tf.Variable(tf.convert_to_tensor(v), trainable=False), v) for v in averaged]
        require(
            not (training.prune and self.tuned.additions),
            "What lora adds to a kernel fills its zeros; set training.prune to 0, or tune in another way.",
        )
        self.pruning = Pruning([v for group in self.tuned.groups for v in group.variables], training.prune, steps)
        scaled = training.precision == "float16"
        self.scale = [tf.Variable(FIRST_SCALE, trainable=False), tf.Variable(0.0, trainable=False)] if scaled else []
        self.seeds = [v for v in model.variables if v.path.endswith("seed_generator_state")]
        if self.replicas > 1:
            for layer in model._flatten_layers():
                if isinstance(layer, keras.layers.BatchNormalization):
                    layer.synchronized = True
        self.teaching = Teaching(training.teacher_share, training.temperature)
        require(
            not training.contrast or self.replicas == 1,
            f"The contrast is between the examples of a whole batch, which {self.replicas} replicas do not see; "
            "set training.contrast to 0, or train on one device.",
        )
        hard = training.adversarial
        self.attack = None if hard == "none" else Attack(spec, model, hard, training.adversarial_size)
        self.balance = GradNorm(len(spec.tasks)) if spec.task_weights == "gradnorm" else None
        self._part_seeds()
        self.groups: list[tuple[AdamW, list[Any]]] = []
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """Let the groups train that begin in an epoch that has come. To be called before its first step."""
        groups = [
            (optimizer, group.variables)
            for optimizer, group in zip(self.optimizers, self.tuned.groups, strict=True)
            if group.epoch <= epoch
        ]
        if len(groups) != len(self.groups):
            self.groups, self.variables = groups, [v for _, variables in groups for v in variables]
            self._steps = tf.function(self._take_steps)  # another graph: what does not train has no gradient

    def _part_seeds(self) -> None:
        """Let every replica but the first draw from seeds of its own: they would all drop out alike."""

        def part() -> None:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            for seed in self.seeds:
                seed.assign(seed.value + tf.cast(tf.stack([replica, 0]), seed.dtype))

        if self.replicas > 1:
            self.strategy.run(tf.function(part))

    def batches(self, feed: Feed, steps: range) -> Iterator[Any]:
        """The batches of a feed as `run` takes them: each replica's part of the rows."""

        def parts(context: tf.distribute.InputContext) -> tf.data.Dataset:
            workers = context.num_input_pipelines
            data = feed.batches(steps, context.input_pipeline_id, workers)
            here = self.replicas // workers

            def cut(*batch: Any) -> Any:
                return keras.tree.map_structure(lambda x: tf.reshape(x, (here, -1, *x.shape[1:])), batch)

            if here > 1:
                data = data.map(cut).unbatch()
            # The end would be agreed upon at every step; nobody reads that far.
            return data.repeat().prefetch(2) if self.replicas > 1 else data

        return iter(self.strategy.distribute_datasets_from_function(parts))

    def run(self, batches: Iterator[Any], count: int) -> tuple[np.ndarray, float]:
        """Take `count` steps; returns their losses, float32 (count,), and the seconds spent on waiting for data.

        A loss is NaN where the gradient was not finite: the weights are of no more use then.
        """
        losses, waited = self._steps(batches, tf.constant(count))
        return losses.numpy(), float(waited)

    def _take_steps(self, batches: Iterator[Any], count: Any) -> Any:
        losses = tf.TensorArray(tf.float32, count, element_shape=())
        waited = tf.constant(0.0, tf.float64)
        ready = tf.timestamp()
        for k in tf.range(count):
            batch = next(batches)
            with tf.control_dependencies([ready, *tf.nest.flatten(batch, expand_composites=True)]):
                arrived = tf.timestamp()
            # The step must not begin before the clock is read: with one thread it would be read when it is over.
            with tf.control_dependencies([arrived]):
                loss = self._step(batch)
            waited += arrived - ready
            with tf.control_dependencies([loss]):
                ready = tf.timestamp()
            losses = losses.write(k, loss)
        return losses.stack(), waited

    def _step(self, batch: Any) -> Any:
        """One step from outside the replicas; its loss."""

        def first(value: Any) -> Any:
            return self.strategy.experimental_local_results(value)[0]

        if not self.scale:
            return first(self.strategy.run(self.learn, args=tuple(batch)))
        loss, gradients, finite = self.strategy.run(self._gradients, args=tuple(batch))
        # Which half of it runs must be decided out here: a replica may not meet the others inside a condition.
        if first(finite):
            self.strategy.run(self._apply, args=(gradients,))
        self.strategy.run(self._rescale, args=(finite,))
        return first(loss)

    def learn(self, *batch: Any) -> Any:
        """One step, inside a replica, from its part of a batch `(inputs, labels[, weights])`; the loss of the whole."""
        loss, gradients, finite = self._gradients(*batch)
        self._apply(gradients)
        return tf.where(finite, loss, np.nan)

    def _gradients(self, *batch: Any) -> tuple[Any, list[Any], Any]:
        """The loss and the clipped gradient of the whole batch, and whether the latter is finite."""
        context = tf.distribute.get_replica_context()
        scale = self.scale[0] if self.scale else 1.0
        inputs, labels, *weights = batch
        totals = known_totals(self.spec, labels, inputs["present"], *weights)
        totals = context.all_reduce(tf.distribute.ReduceOp.SUM, totals)
        parts = self.training.accumulate
        rows = inputs["present"].shape[0] // parts
        count = len(self.spec.tasks)
        losses, squares = tf.zeros(count), tf.zeros(count)
        loss, gradients = tf.constant(0.0), [tf.zeros_like(v.value) for v in self.variables]
        for k in range(parts):
            cut = slice(k * rows, (k + 1) * rows)
            inputs, labels, *weights = keras.tree.map_structure(lambda x, cut=cut: x[cut], batch)
            # One after the other: together they would take the memory of the whole.
            given = {"totals": totals, "share": 1 / (parts * self.replicas), "teaching": self.teaching}
            given["factors"] = self.balance.weights if self.balance else None

            def loss_of(outputs: Any, known: Any = (inputs, labels, weights), given: Any = given) -> Any:
                inputs, labels, weights = known
                found = total_loss(self.spec, outputs, labels, inputs["present"], *weights, **given)
                if self.training.contrast:
                    found += self.training.contrast * contrast(self.spec, outputs, inputs["present"])
                return found

            with tf.control_dependencies(gradients), tf.GradientTape(persistent=self.balance is not None) as tape:
                outputs = self._with_additions(self._clean, inputs)
                part = loss_of(outputs)
                if self.balance:
                    present, weighed = inputs["present"], weights[0] if weights else None
                    single = task_losses(self.spec, outputs, labels, present, weighed, totals, self.teaching)
                if self.attack:
                    part = (part + loss_of(self._with_additions(self._attacked, inputs, loss_of, scale))) / 2
                scaled = part * scale
            found = tape.gradient(scaled, [v.value for v in self.variables], unconnected_gradients="zero")
            gradients = [g + tf.convert_to_tensor(more) for g, more in zip(gradients, found, strict=True)]
            loss += part
            if self.balance:
                slopes = [tape.gradient(each, outputs[EMBEDDING], unconnected_gradients="zero") for each in single]
                squares += tf.stack([tf.reduce_sum(tf.cast(slope, tf.float32) ** 2) for slope in slopes])
                losses += tf.stack(single)
        if self.balance:
            self.balance.update(*context.all_reduce(tf.distribute.ReduceOp.SUM, [losses, squares]))
        loss, *gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, [loss, *gradients])
        gradients = [g / scale for g in gradients]
        norm = tf.linalg.global_norm(gradients)
        clipped, _ = tf.clip_by_global_norm(gradients, self.training.clip_norm, norm)
        return loss, clipped, tf.math.is_finite(norm)

    def _clean(self, inputs: Any) -> Any:
        """What the model puts out in training."""
        return self.model(inputs, training=True)

    def _attacked(self, inputs: Any, loss_of: Callable[[Any], Any], scale: Any) -> Any:
        """What the model puts out in training for examples that are changed so that their loss rises."""
        assert self.attack is not None
        changed = self.attack(inputs, lambda outputs: loss_of(outputs) * scale)
        return self.attack.outputs(inputs, changed)

    def _with_additions(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """What a call of the model gives with what is added to its kernels."""
        if not self.tuned.additions:
            return call(*arguments)
        with keras.StatelessScope([(each.kernel, each.total()) for each in self.tuned.additions]) as scope:
            outputs = call(*arguments)
        # Seeds and batch statistics have only moved in the scope.
        for variable in self.model.non_trainable_variables:
            value = scope.get_current_value(variable)
            if value is not None:
                variable.assign(value)
        return outputs

    def _apply(self, gradients: list[Any]) -> None:
        kept = self.pruning.kept()
        for optimizer, variables in self.groups:
            optimizer.apply(gradients[: len(variables)], variables)
            gradients = gradients[len(variables) :]
        # The average starts short and grows long, so that the first random weights are soon forgotten.
        done = tf.cast(self.groups[0][0].iterations.value, tf.float32)
        momentum = tf.minimum(self.training.average, (1.0 + done) / (10.0 + done))
        training = {id(variable) for variable in self.variables}
        for average, variable in self.averages:
            if id(variable) in training:
                average.assign(average * momentum + variable.value * (1.0 - momentum))
        self.pruning.cut(kept, self.groups[0][0].iterations.value, self.averages)

    def _rescale(self, finite: Any) -> None:
        """Halve the loss scale after an overflow; double it after many steps without one."""
        scale, calm = self.scale
        calm.assign(tf.where(finite, calm + 1.0, 0.0))
        grown = tf.where(calm >= CALM, scale * 2.0, scale)
        scale.assign(tf.where(finite, grown, tf.maximum(scale / 2.0, 1.0)))
        calm.assign(tf.where(calm >= CALM, 0.0, calm))

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the model has its averaged weights, and what is added to its kernels in them."""
        changed = [variable for _, variable in self.averages] + [each.kernel for each in self.tuned.additions]
        kept = [variable.numpy() for variable in changed]
        for average, variable in self.averages:
            variable.assign(average.numpy())
        for each in self.tuned.additions:
            each.kernel.assign(each.total())
        yield
        for variable, value in zip(changed, kept, strict=True):
            variable.assign(value)

    def _variables(self) -> list[Any]:
        added = [v for each in self.tuned.additions for v in (each.a, each.b)]
        optimizers = [v for optimizer in self.optimizers for v in optimizer.variables]
        averages = [average for average, _ in self.averages]
        weights = self.balance.variables if self.balance else []
        return [*self.model.variables, *added, *optimizers, *averages, *self.scale, self.factor, *weights]

    def arrays(self) -> dict[str, np.ndarray]:
        """All state as arrays: weights, seeds, optimizer, averages, scale and factor of the rate."""
        return {f"{k:05d}": np.asarray(v.numpy()) for k, v in enumerate(self._variables())}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Put back what `arrays` gave."""
        for variable, name in zip(self._variables(), sorted(arrays), strict=True):
            variable.assign(arrays[name])
        self._part_seeds()
