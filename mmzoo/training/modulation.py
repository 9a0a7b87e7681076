"""The towers of modalities that lead wait for the others (Peng et al. 2022, "OGM-GE", arXiv:2203.15332)."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from mmzoo.names import tower_outputs
from mmzoo.spec import Spec
from mmzoo.training.loss import sides, stand_in, weighted
from mmzoo.tuning.groups import Tuned


def with_towers(model: keras.Model, spec: Spec) -> keras.Model:
    """The model with what each tower puts out, before `present` is looked at, as two more outputs."""
    return model.parts.cut(model.input, {**model.output, **towers_of(model, spec)})


def towers_of(model: keras.Model, spec: Spec) -> dict[str, Any]:
    """The symbolic tokens of each tower, by the names of these outputs."""
    found: dict[str, Any] = {}
    for name in spec.input_names:
        found |= dict(zip(tower_outputs(name), model.parts.tower_tokens(name), strict=True))
    return found


class Modulation:
    """Shortens the steps of a tower whose modality alone answers better than the others alone do.

    How well a modality answers alone is the mean of `exp(-loss)` of the model's own answers when only it is present:
    the probability of the right label, as in the paper, of which a linear sum without activation is the case.
    `ratio = score / mean score of the others`, and the tower's step is multiplied by `1 - tanh(alpha * ratio)` where
    the ratio is above 1 (equations 8 to 10). It is the optimizer's step that is multiplied, not the gradient: AdamW
    divides by the size of the gradients and would undo it. "ogm_ge" adds noise of the deviation of the step's numbers
    to that of each kernel (equation 12), "ogm" none.

    Args:
        model: what `with_towers` gave, from what a feed gives.
        tuned: what trains of it.
    """

    def __init__(self, spec: Spec, model: keras.Model, tuned: Tuned, way: str, alpha: float) -> None:
        self.spec, self.noisy, self.alpha = spec, way == "ogm_ge", alpha
        answers = {task.name: model.output[task.name] for task in spec.tasks}
        cut = towers_of(model, spec)
        self.cut, self.fuse = list(cut), keras.Model([*cut.values(), model.input["present"]], answers)
        self.factors = tf.Variable(tf.ones(len(spec.inputs)), trainable=False)
        self.done = tf.Variable(0, trainable=False)  # steps; what the noise is drawn from
        self.towers = [tower_variables(model, name, tuned) for name in spec.input_names]

    @property
    def variables(self) -> list[Any]:
        return [self.factors, self.done]

    def scores(self, outputs: dict[str, Any], labels: Any, present: Any, weights: Any) -> Any:
        """Of a part of a batch: the sum of each modality's scores, and of how many they are, float32 (2, M)."""
        tokens = [tf.stop_gradient(outputs[name]) for name in self.cut]
        columns = []
        for index in range(len(self.spec.inputs)):
            only = tf.one_hot(index, len(self.spec.inputs)) > 0
            answers = self.fuse([*tokens, present & only], training=False)
            total, count = tf.constant(0.0), tf.constant(0.0)
            for task in self.spec.tasks:
                for side, share in sides(labels, weights):
                    known, label = stand_in(task, side[task.name])
                    kept = weighted(known & present[:, index], share)
                    total += tf.reduce_sum(tf.exp(-task.loss(label, answers[task.name])) * kept)
                    count += tf.reduce_sum(kept)
            columns.append(tf.stack([total, count]))
        return tf.stop_gradient(tf.stack(columns, axis=1))

    def update(self, totals: Any, counts: Any) -> None:
        """Set the factors from the whole batch's sums, float32 (M,) each."""
        self.factors.assign(factors_of(totals, counts, self.alpha))

    def before(self, training: set[int]) -> list[list[tuple[Any, Any]]]:
        """The variables of each tower that train, with their values before a step."""
        return [[(v, tf.identity(v.value)) for v in tower if id(v) in training] for tower in self.towers]

    def shorten(self, before: list[list[tuple[Any, Any]]]) -> None:
        """Multiply the step that the optimizer has taken since `before`, and add the noise."""
        number = 0
        for factor, tower in zip(tf.unstack(self.factors.value()), before, strict=True):
            for variable, old in tower:
                step = variable.value - old
                moved = old + factor * step
                if self.noisy and len(variable.shape) > 1 and variable.name != "embeddings":
                    number += 1
                    # The same on every replica, and again after a restart.
                    noise = tf.random.stateless_normal(variable.shape, tf.stack([self.done.value(), number]))
                    moved += tf.math.reduce_std(step) * noise
                variable.assign(moved)
        self.done.assign(self.done.value() + 1)


def factors_of(totals: Any, counts: Any, alpha: float) -> Any:
    """By how much each modality's step is multiplied, float32 (M,), from the sums of the scores and their counts.

    One of which no example is here keeps its step, and is not among the others.
    """
    here = tf.cast(counts > 0, tf.float32)
    score = totals / tf.maximum(counts, 1e-6) * here
    others = (tf.reduce_sum(score) - score) / tf.maximum(tf.reduce_sum(here) - here, 1.0)
    ratio = score / tf.maximum(others, 1e-6)
    found = tf.where((ratio > 1) & (others > 0), 1.0 - tf.tanh(alpha * ratio), 1.0)
    return tf.where(tf.math.is_finite(found), found, 1.0)


def tower_variables(model: keras.Model, name: str, tuned: Tuned) -> list[Any]:
    """All that can train on the way from an input to its tokens, with what is added to its kernels."""
    found = {id(v): v for layer in model.parts.of(name).layers for v in layer.trainable_variables}
    added = [v for each in tuned.additions if id(each.kernel) in found for v in (each.a, each.b)]
    return [*found.values(), *added]
