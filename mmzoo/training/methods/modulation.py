"""The towers of modalities that lead wait for the others (Peng et al. 2022, "OGM-GE", arXiv:2203.15332)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import keras
import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.errors import require
from mmzoo.graph.parts import Parts
from mmzoo.names import tower_outputs
from mmzoo.options import Range
from mmzoo.spec import Spec
from mmzoo.training.loss import Batch, TaskLoss, sides, stand_in, weighted
from mmzoo.training.methods import methods
from mmzoo.training.methods.base import Learner, TrainingMethod
from mmzoo.tuning.groups import Tuned

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal
    from mmzoo.training.settings import Training


@methods.register("ogm")
class Modulation(TrainingMethod):
    """The tower of a modality that alone answers better than the others takes shorter steps (arXiv:2203.15332).

    How well a modality answers alone is the mean of `exp(-loss)` of the model's own answers when only it is present:
    the probability of the right label, as in the paper, of which a linear sum without activation is the case.
    `ratio = score / mean score of the others`, and the tower's step is multiplied by `1 - tanh(alpha * ratio)` where
    the ratio is above 1 (equations 8 to 10). It is the optimizer's step that is multiplied, not the gradient: AdamW
    divides by the size of the gradients and would undo it.

    Args:
        alpha: how much shorter the steps are.
    """

    noisy = False
    takes_texts = False

    def __init__(self, *, alpha: Annotated[float, Range(1e-3, 100)] = 1.0) -> None:
        self.alpha = alpha

    def check(self, spec: Spec, training: Training) -> None:
        require(
            len(spec.inputs) > 1,
            "The methods 'ogm' and 'ogm_ge' let one modality wait for the others, and this spec has only one; leave "
            "them out.",
        )

    def outputs(self, parts: Parts) -> dict[str, Tensor]:
        """What each tower puts out, before `present` is looked at."""
        found: dict[str, Tensor] = {}
        for name in parts.inputs:
            found |= dict(zip(tower_outputs(name), parts.tower_tokens(name), strict=True))
        return found

    def build(self, learner: Learner) -> None:
        self.spec, model = learner.spec, learner.model
        # Vectors of a retrieval have no score of their own.
        self.tasks = [task for task in self.spec.tasks if task.target != "batch"]
        answers = {task.name: model.output[task.name] for task in self.tasks}
        cut = self.outputs(model.parts)
        self.cut, self.fuse = list(cut), keras.Model([*cut.values(), model.input["present"]], answers)
        self.factors = tf.Variable(tf.ones(len(self.spec.inputs)), trainable=False)
        self.done = tf.Variable(0, trainable=False)  # steps; what the noise is drawn from
        self.towers = [tower_variables(model, name, learner.tuned) for name in self.spec.input_names]

    @property
    def variables(self) -> list[tf.Variable]:
        return [self.factors, self.done]

    def measure(
        self, batch: Batch, outputs: dict[str, Tensor], losses: list[TaskLoss], tape: tf.GradientTape
    ) -> Tensor | None:
        """The sum of each modality's scores, and of how many they are, float32 (2, M)."""
        tokens = [tf.stop_gradient(outputs[name]) for name in self.cut]
        columns = []
        for index in range(len(self.spec.inputs)):
            only = tf.one_hot(index, len(self.spec.inputs)) > 0
            answers = self.fuse([*tokens, batch.present & only], training=False)
            total, count = tf.constant(0.0), tf.constant(0.0)
            for task in self.tasks:
                for side, share in sides(batch.labels, batch.weights):
                    known, label = stand_in(task, side[task.name])
                    kept = weighted(known & batch.present[:, index], share)
                    total += tf.reduce_sum(tf.exp(-task.loss(label, answers[task.name])) * kept)
                    count += tf.reduce_sum(kept)
            columns.append(tf.stack([total, count]))
        return tf.stop_gradient(tf.stack(columns, axis=1))

    def update(self, total: Tensor) -> None:
        """Set the factors from the whole batch's sums."""
        totals, counts = tf.unstack(total)
        self.factors.assign(factors_of(totals, counts, self.alpha))

    def after_step(self, before: dict[int, Tensor], step: Tensor) -> None:
        """Multiply the step that the optimizer has taken, and add the noise."""
        number = 0
        for factor, tower in zip(tf.unstack(self.factors.value()), self.towers, strict=True):
            for variable in tower:
                if id(variable) not in before:
                    continue
                old = before[id(variable)]
                change = variable.value - old
                moved = old + factor * change
                if self.noisy and len(variable.shape) > 1 and variable.name != "embeddings":
                    number += 1
                    # The same on every replica, and again after a restart.
                    noise = tf.random.stateless_normal(variable.shape, tf.stack([self.done.value(), number]))
                    moved += tf.math.reduce_std(change) * noise
                variable.assign(moved)
        self.done.assign(self.done.value() + 1)


@methods.register("ogm_ge")
class NoisyModulation(Modulation):
    """As `ogm`, with noise in the steps (Peng et al. 2022, "OGM-GE", arXiv:2203.15332, equation 12).

    The noise has the deviation of the numbers of the optimizer's step for each kernel.

    Args:
        alpha: how much shorter the steps are.
    """

    noisy = True


def factors_of(totals: Tensor, counts: Tensor, alpha: float) -> Tensor:
    """By how much each modality's step is multiplied, float32 (M,), from the sums of the scores and their counts.

    One of which no example is here keeps its step, and is not among the others.
    """
    here = tf.cast(counts > 0, tf.float32)
    score = totals / tf.maximum(counts, 1e-6) * here
    others = (tf.reduce_sum(score) - score) / tf.maximum(tf.reduce_sum(here) - here, 1.0)
    ratio = score / tf.maximum(others, 1e-6)
    found = tf.where((ratio > 1) & (others > 0), 1.0 - tf.tanh(alpha * ratio), 1.0)
    return tf.where(tf.math.is_finite(found), found, 1.0)


def tower_variables(model: Multimodal, name: str, tuned: Tuned) -> list[keras.Variable]:
    """All that can train on the way from an input to its tokens, with what is added to its kernels."""
    found = {id(v): v for layer in model.parts.of(name).layers for v in layer.trainable_variables}
    added = [v for each in tuned.additions if id(each.kernel) in found for v in (each.a, each.b)]
    return [*found.values(), *added]
