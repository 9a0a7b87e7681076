"""The state of a run, and what moves it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mmzoo.spec import Spec
from mmzoo.training.features import Split
from mmzoo.training.loss import total_loss
from mmzoo.training.settings import Training


class Trainer:
    """The state of a run and what moves it: one step, one validation, one checkpoint."""

    def __init__(self, spec: Spec, part: Split, training: Training, steps: int) -> None:
        self.spec, self.rest, self.training = spec, part.rest, training
        pretrained = [layer for layer in self.rest.layers if layer.name.endswith("_pretrained")]
        slow = {id(variable) for layer in pretrained for variable in layer.trainable_variables}
        self.groups = []
        for rate, wanted in ((training.learning_rate, False), (training.learning_rate * training.fine_tune_rate, True)):
            variables = [v for v in self.rest.trainable_variables if (id(v) in slow) == wanted]
            if variables:
                schedule = keras.optimizers.schedules.CosineDecay(
                    0.0, steps, warmup_target=rate, warmup_steps=max(steps // 20, 1)
                )
                optimizer = keras.optimizers.AdamW(schedule, weight_decay=training.weight_decay)
                optimizer.build(variables)
                self.groups.append((optimizer, variables))
        # Only of what trains: batch statistics are averages already.
        averaged = self.rest.trainable_variables if training.average else []
        self.averages = [(tf.Variable(variable, trainable=False), variable) for variable in averaged]
        self._step = tf.function(self._train_step)

    def _train_step(self, inputs: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = total_loss(self.spec, self.rest(inputs, training=True), labels, inputs["present"])
        gradients = tape.gradient(loss, [v.value for _, variables in self.groups for v in variables])
        gradients, _ = tf.clip_by_global_norm(gradients, self.training.clip_norm)
        for optimizer, variables in self.groups:
            optimizer.apply(gradients[: len(variables)], variables)
            gradients = gradients[len(variables) :]
        # The average starts short and grows long, so that the first random weights are soon forgotten.
        done = tf.cast(self.groups[0][0].iterations.value, tf.float32)
        momentum = tf.minimum(self.training.average, (1.0 + done) / (10.0 + done))
        for average, variable in self.averages:
            average.assign(average * momentum + variable.value * (1.0 - momentum))
        return loss

    def step(self, inputs: Any, labels: Any) -> float:
        """Learn from one batch; returns its loss."""
        return float(self._step(inputs, labels))

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the model has its averaged weights."""
        kept = [variable.numpy() for _, variable in self.averages]
        for average, variable in self.averages:
            variable.assign(average)
        yield
        for (_, variable), value in zip(self.averages, kept, strict=True):
            variable.assign(value)

    def _variables(self) -> list[Any]:
        optimizers = [v for optimizer, _ in self.groups for v in optimizer.variables]
        return [*self.rest.variables, *optimizers, *(average for average, _ in self.averages)]

    def arrays(self) -> dict[str, np.ndarray]:
        """All state as arrays: weights, seeds, optimizer, averages."""
        return {f"{k:05d}": np.asarray(v.numpy()) for k, v in enumerate(self._variables())}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Put back what `arrays` gave."""
        for variable, name in zip(self._variables(), sorted(arrays), strict=True):
            variable.assign(arrays[name])
