"""The state of a run, and what moves it: one step, on every replica of a strategy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor, Tree
from mmzoo.spec import Spec
from mmzoo.training.distribution.strategy import added_up
from mmzoo.training.distribution.synchronized import averaging, synchronize
from mmzoo.training.feeds.feed import Feed
from mmzoo.training.methods import made
from mmzoo.training.methods.base import Learner, TrainingMethod
from mmzoo.training.model.fused import fuse
from mmzoo.training.optimizer import AdamW, Rate
from mmzoo.training.settings import Training
from mmzoo.training.step import Gradients
from mmzoo.tuning.groups import Tuned
from mmzoo.tuning.model import tune

FIRST_SCALE = 2.0**15
CALM = 2000  # steps without an overflow after which the loss scale doubles


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
        self.steps, self.strategy = steps, tf.distribute.get_strategy()
        self.replicas = self.strategy.num_replicas_in_sync
        self.factor = tf.Variable(1.0, trainable=False)
        self.tuned = tuned or tune(model, training)
        self.optimizers = []
        for group in self.tuned.groups:
            optimizer = self._optimizer(group.rate, steps * group.epoch // training.epochs)
            optimizer.build(group.variables)
            self.optimizers.append(optimizer)
        # Only of what trains: batch statistics are averages already.
        averaged = [v for group in self.tuned.groups for v in group.variables if training.ema_decay]
        self.averages = [(tf.Variable(tf.convert_to_tensor(v), trainable=False), v) for v in averaged]
        self.methods = made(training.methods)
        for method in self.methods:
            method.build(Learner(spec, model, self.tuned, steps, self.averages, self._optimizer))
        self.moving = [each for each in self.methods if type(each).after_step is not TrainingMethod.after_step]
        scaled = training.precision == "float16"
        self.scale = [tf.Variable(FIRST_SCALE, trainable=False), tf.Variable(0.0, trainable=False)] if scaled else []
        self.seeds = [v for v in model.variables if v.path.endswith("seed_generator_state")]
        if self.replicas > 1 and training.sync_batch_norm:
            synchronize(model)
        fuse(model, synchronized=training.sync_batch_norm)
        self._average = averaging(model)
        self.gradients = Gradients(spec, model, training, self.tuned, self.methods)
        self._part_seeds()
        self.groups: list[tuple[AdamW, list[keras.Variable]]] = []
        self.begin(0)

    def _optimizer(self, rate: float, begin: int = 0, **options: object) -> AdamW:
        """An optimizer with a multiple of the settings' learning rate, whose first step is that at `begin`."""
        settings = self.training
        schedule = Rate(settings.learning_rate * rate, self.steps, settings.schedule == "cosine", self.factor, begin)
        return AdamW(schedule, weight_decay=settings.weight_decay, **options)

    def begin(self, epoch: int) -> None:
        """Let the groups train that begin in an epoch that has come. To be called before its first step."""
        groups = [
            (optimizer, group.variables)
            for optimizer, group in zip(self.optimizers, self.tuned.groups, strict=True)
            if group.epoch <= epoch
        ]
        if len(groups) != len(self.groups):
            self.groups, self.variables = groups, [v for _, variables in groups for v in variables]
            # Another graph: what does not train has no gradient. Without AutoGraph, which costs a small run a tenth.
            self._steps = tf.function(self._take_steps, autograph=False)
            self._one_step = tf.function(self._step, autograph=False)

    def _part_seeds(self) -> None:
        """Let every replica but the first draw from seeds of its own: they would all drop out alike."""

        def part() -> None:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            for seed in self.seeds:
                seed.assign(seed.value + tf.cast(tf.stack([replica, 0]), seed.dtype))

        if self.replicas > 1:
            self.strategy.run(tf.function(part))

    def agree(self) -> None:
        """Let all replicas have the same moving statistics, where each may have normalized by its own examples."""
        if self.replicas > 1:
            self._average()

    def batches(self, feed: Feed, steps: range) -> Iterator[object]:
        """The batches of a feed as `run` takes them: each replica's part of the rows."""

        def parts(context: tf.distribute.InputContext) -> tf.data.Dataset:
            workers = context.num_input_pipelines
            data = feed.batches(steps, context.input_pipeline_id, workers)
            here = self.replicas // workers

            def cut(*batch: Tree) -> Tree:
                return keras.tree.map_structure(lambda x: tf.reshape(x, (here, -1, *x.shape[1:])), batch)

            if here > 1:
                data = data.map(cut).unbatch()
            # The end would be agreed upon at every step; nobody reads that far.
            return data.repeat().prefetch(2) if self.replicas > 1 else data

        return iter(self.strategy.distribute_datasets_from_function(parts))

    def run(self, batches: Iterator[object], count: int) -> tuple[np.ndarray, float]:
        """Take `count` steps; returns their losses, float32 (count, terms), and the seconds spent on waiting for data.

        The terms, whose sum the loss is, are those of `Gradients.terms`. They are NaN where the gradient was not
        finite: the weights are of no more use then.
        """
        losses, waited = self._steps(batches, tf.constant(count))
        # Other workers' parts of the losses; always as many, for one graph that adds them up.
        padded = np.pad(losses.numpy(), ((0, max(self.training.steps_per_execution - count, 0)), (0, 0)))
        return added_up(padded.ravel()).reshape(padded.shape)[:count], float(waited)

    def take(self, batch: Sequence[Tree]) -> np.ndarray:
        """Take one step from a whole batch that is at hand, on one device; its loss as in `run`, float32 (terms,)."""
        loss: np.ndarray = self._one_step(tuple(batch)).numpy()
        return loss

    def _take_steps(self, batches: Iterator[Sequence[Tensor]], count: Tensor) -> Tensor:
        def take(k: Tensor, losses: tf.TensorArray, ready: Tensor, waited: Tensor) -> tuple[Tensor, ...]:
            batch = next(batches)
            with tf.control_dependencies([ready, *tf.nest.flatten(batch, expand_composites=True)]):
                arrived = tf.timestamp()
            # The step must not begin before the clock is read: with one thread it would be read when it is over.
            with tf.control_dependencies([arrived]):
                loss = self._step(batch)
            waited += arrived - ready
            with tf.control_dependencies([loss]):
                ready = tf.timestamp()
            return k + 1, losses.write(k, loss), ready, waited

        losses = tf.TensorArray(tf.float32, count, element_shape=(len(self.gradients.terms),))
        begun = tf.constant(0), losses, tf.timestamp(), tf.constant(0.0, tf.float64)
        _, losses, _, waited = tf.while_loop(lambda k, *_: k < count, take, begun)
        return losses.stack(), waited

    def _step(self, batch: Sequence[Tree]) -> Tensor:
        """One step from outside the replicas; the loss of those that are here."""
        local = self.strategy.experimental_local_results
        if not self.scale:
            return tf.add_n(local(self.strategy.run(self.learn, args=tuple(batch))))
        loss, gradients, finite = self.strategy.run(self._slopes, args=tuple(batch))
        # Which half of it runs must be decided out here: a replica may not meet the others inside a condition.
        tf.cond(local(finite)[0], lambda: self.strategy.run(self._apply, args=(gradients,)), lambda: None)
        self.strategy.run(self._rescale, args=(finite,))
        return tf.add_n(local(loss))

    def learn(self, *batch: Tree) -> Tensor:
        """One step, inside a replica, from its part of a batch `(inputs, labels[, weights])`; its part of the terms."""
        loss, gradients, finite = self._slopes(*batch)
        self._apply(gradients)
        return tf.where(finite, loss, np.nan)

    def _slopes(self, *batch: Tree) -> tuple[Tensor, list[Tensor], Tensor]:
        """See `Gradients`."""
        return self.gradients(batch, self.variables, self.scale[0] if self.scale else 1.0)

    def _apply(self, gradients: list[Tensor]) -> None:
        training = {id(variable): variable for variable in self.variables}
        # A copy of all weights, for those who ask for it.
        before = {key: tf.identity(variable.value) for key, variable in training.items()} if self.moving else {}
        for optimizer, variables in self.groups:
            optimizer.apply(gradients[: len(variables)], variables)
            gradients = gradients[len(variables) :]
        step = self.groups[0][0].iterations.value
        for method in self.moving:
            method.after_step(before, step)
        # The average starts short and grows long, so that the first random weights are soon forgotten.
        done = tf.cast(step, tf.float32)
        share = 1.0 - tf.minimum(self.training.ema_decay, (1.0 + done) / (10.0 + done))
        for average, variable in self.averages:
            if id(variable) in training:
                average.assign_sub((average - variable.value) * share)

    def _rescale(self, finite: Tensor) -> None:
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
        try:
            for average, variable in self.averages:
                variable.assign(average.numpy())
            for each in self.tuned.additions:
                each.kernel.assign(each.total())
            yield
        finally:
            for variable, value in zip(changed, kept, strict=True):
                variable.assign(value)

    def _variables(self) -> list[keras.Variable]:
        added = [v for each in self.tuned.additions for v in (each.a, each.b)]
        optimizers = [v for optimizer in self.optimizers for v in optimizer.variables]
        averages = [average for average, _ in self.averages]
        more = [variable for method in self.methods for variable in method.variables]
        return [*self.model.variables, *added, *optimizers, *averages, *self.scale, self.factor, *more]

    def arrays(self) -> dict[str, np.ndarray]:
        """All state as arrays: weights, seeds, optimizer, averages, scale and factor of the rate."""
        return {f"{k:05d}": np.asarray(v.numpy()) for k, v in enumerate(self._variables())}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Put back what `arrays` gave."""
        for variable, name in zip(self._variables(), sorted(arrays), strict=True):
            variable.assign(arrays[name])
        self._part_seeds()
