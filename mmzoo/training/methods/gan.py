"""Pictures that a discriminator cannot tell from real ones: a conditional GAN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.choice import Fusion
from mmzoo.errors import MMZooError, require
from mmzoo.fusions import fusions
from mmzoo.graph.parts import Parts
from mmzoo.names import EMBEDDING
from mmzoo.options import Range
from mmzoo.spec import Spec
from mmzoo.tasks.reconstruction import Reconstruction
from mmzoo.training.discriminator import discriminator
from mmzoo.training.loss import Batch, TaskLoss, above_zero, sides, weighted
from mmzoo.training.methods import methods
from mmzoo.training.methods.base import Learner, TrainingMethod

if TYPE_CHECKING:
    from collections.abc import Callable

    from mmzoo.training.methods.base import LabelledOutputs
    from mmzoo.training.settings import Training

MOMENTUM = 0.5  # of the discriminator, which chases what moves (Radford et al. 2016, arXiv:1511.06434)
MEMORY = 0.9  # of how much pictures differ, over the steps
COLLAPSED = 1e-3  # of the variance of real pictures


@methods.register("gan")
class GAN(TrainingMethod):
    """A picture is rebuilt so that a discriminator takes it for a real one of its record (arXiv:1406.2661).

    Goodfellow et al. 2014, conditional (Mirza & Osindero 2014, arXiv:1411.1784) on the fused embedding. It needs a
    `Reconstruction` of a picture, whose head is the generator, and the fusion "variational" (Larsen et al. 2016,
    "Autoencoding beyond pixels", arXiv:1512.09300) or the task's `noise`. With `masked=1.0` the picture is made of the
    other inputs alone. The squared error counts beside the discriminator, by the task's `weight`. The loss is the hinge
    loss (Lim & Ye 2017, arXiv:1705.02894); the discriminator has spectral normalization, a penalty on its slope at real
    pictures ("R1"; Mescheder et al. 2018, arXiv:1801.04406), and an optimizer of its own, which takes one step for each
    of the model's. The last epoch is kept: no metric of a single answer says which one draws best.

    Args:
        weight: how much the discriminator counts.
        r1: weight of the penalty.
        rate: the discriminator's learning rate, times that of the model.
        width: channels of the discriminator's first map.
    """

    term = "gan_loss"

    def __init__(
        self,
        *,
        weight: Annotated[float, Range(0, 1e3)] = 0.05,
        r1: Annotated[float, Range(0, 1e3)] = 0.1,
        rate: Annotated[float, Range(0, 100)] = 0.5,
        width: Annotated[int, Range(4, 512)] = 32,
    ) -> None:
        self.weight, self.r1, self.rate, self.width = weight, r1, rate, width

    def check(self, spec: Spec, training: Training) -> None:
        require(
            pictures(spec),
            "The method 'gan' needs a picture to make: give the spec a task such as mmzoo.Reconstruction('photo', "
            "masked=1.0, noise=64), where 'photo' is an image input.",
        )
        draws = fusions.facts(Fusion.of(spec.fusion).name).get("draws")
        for task in pictures(spec):
            require(
                task.noise or draws,
                f"Task '{task.name}' draws nothing, so that the method 'gan' could make but one picture of a record; "
                "set its 'noise', such as 64, or choose the fusion 'variational'.",
            )

    def outputs(self, parts: Parts) -> dict[str, Tensor]:
        """The fused embedding, which is what a picture is to fit."""
        return {EMBEDDING: parts.embedding}

    def build(self, learner: Learner) -> None:
        self.steps, self.tasks = learner.steps, pictures(learner.spec)
        self.places = [learner.spec.tasks.index(task) for task in self.tasks]
        size = int(learner.model.output[EMBEDDING].shape[-1])
        shapes = [task.rebuilding.shape for task in self.tasks]
        self.judges = [discriminator(side, channels, size, self.width) for side, _, channels in shapes]
        self.trained = [variable for judge in self.judges for variable in judge.trainable_variables]
        self.optimizer = learner.optimizer(self.rate, beta_1=MOMENTUM)
        self.optimizer.build(self.trained)
        self.variances = tf.Variable(tf.ones((len(self.tasks), 2)), trainable=False)

    @property
    def variables(self) -> list[tf.Variable]:
        judges = [variable for judge in self.judges for variable in judge.variables]
        return [*judges, *self.optimizer.variables, self.variances]

    def added_loss(self, batch: Batch, outputs: dict[str, Tensor]) -> Tensor:
        """How little the discriminators are taken in: minus what they say of rebuilt pictures, the mean."""
        lost = tf.constant(0.0)
        for place, task, judge in zip(self.places, self.tasks, self.judges, strict=True):
            said = judge([shown(task, outputs[task.name]), condition(outputs)], training=False)
            _, kept = real(task, batch)
            lost -= tf.reduce_sum(said[:, 0] * kept) / above_zero(batch.totals[place][0])
        return self.weight * lost

    def measure(
        self, batch: Batch, outputs: dict[str, Tensor], losses: list[TaskLoss], tape: tf.GradientTape
    ) -> Tensor:
        """The gradients of the discriminators, and how much rebuilt and real pictures vary, in one float32 vector."""
        lost, varied = tf.constant(0.0), []
        with tf.GradientTape() as own:
            for place, task, judge in zip(self.places, self.tasks, self.judges, strict=True):
                (pixels, kept), given = real(task, batch), condition(outputs)
                made = tf.stop_gradient(shown(task, outputs[task.name]))
                with tf.GradientTape() as inner:
                    inner.watch(pixels)
                    said = judge([pixels, given], training=True)
                slope = inner.gradient(said, pixels)
                penalty = 0.5 * self.r1 * tf.reduce_sum(slope**2, axis=(1, 2, 3))
                taken = judge([made, given], training=False)
                each = tf.nn.relu(1.0 - said)[:, 0] + tf.nn.relu(1.0 + taken)[:, 0] + penalty
                lost += tf.reduce_sum(each * kept) / above_zero(batch.totals[place][0])
                varied += [variance(made, kept), variance(pixels, kept)]
        slopes = own.gradient(lost, [variable.value for variable in self.trained])
        return tf.concat([*(tf.reshape(slope, [-1]) for slope in slopes), varied], axis=0)

    def update(self, total: Tensor) -> None:
        """One step of the discriminators."""
        sizes = [int(np.prod(variable.shape)) for variable in self.trained]
        *slopes, varied = tf.split(total, [*sizes, 2 * len(self.tasks)])
        slopes = [tf.reshape(each, variable.shape) for each, variable in zip(slopes, self.trained, strict=True)]
        self.optimizer.apply(slopes, self.trained)
        self.variances.assign(MEMORY * self.variances + (1.0 - MEMORY) * tf.reshape(varied, (-1, 2)))

    def end_epoch(self, epoch: int, answers: Callable[[], tuple[LabelledOutputs, LabelledOutputs]]) -> None:
        """Training ends where all pictures are the same."""
        for task, (made, wanted) in zip(self.tasks, self.variances.numpy(), strict=True):
            if made < COLLAPSED * wanted:
                raise MMZooError(
                    f"All pictures that task '{task.name}' makes have become the same (epoch {epoch}): the GAN has "
                    "collapsed. Train it anew with a lower learning rate, a larger 'r1' of the method, or some "
                    "'weight' of the task, into another folder."
                )

    def settled(self, step: int) -> bool:
        return step >= self.steps


def pictures(spec: Spec) -> list[Reconstruction]:
    """The tasks of a spec that make pictures."""
    return [cast(Reconstruction, task) for task in spec.tasks if task.tags.pictures]


def condition(outputs: dict[str, Tensor]) -> Tensor:
    """The fused embedding; a discriminator must not move it."""
    return tf.stop_gradient(tf.cast(outputs[EMBEDDING], tf.float32))


def shown(task: Reconstruction, logits: Tensor) -> Tensor:
    """Rebuilt pictures (B, H, W, C) as a user sees them, in deviations; the gradient is that of `logits` (B, units)."""
    seen = task.cells.logits(task.to_predictions(logits))
    return tf.reshape(logits + tf.stop_gradient(seen - logits), (-1, *task.rebuilding.shape))


def real(task: Reconstruction, batch: Batch) -> tuple[Tensor, Tensor]:
    """The pictures (B, H, W, C) of a batch in deviations, and how much each counts (B,): 0 where there is none."""
    (labels, weights), *_ = sides(batch.labels, batch.weights)
    cells = tf.cast(labels[task.name], tf.float32)
    known = task.known(cells)
    cells = task.cells.logits(tf.where(tf.math.is_nan(cells), task.cells.means, cells))
    return tf.reshape(cells, (-1, *task.rebuilding.shape)), weighted(known, weights)


def variance(pixels: Tensor, kept: Tensor) -> Tensor:
    """How much pictures (B, H, W, C) differ at a place, the mean over places; where `kept` is 0 they do not count."""
    count = above_zero(tf.reduce_sum(kept))
    mean = tf.einsum("bhwc,b->hwc", pixels, kept) / count
    return tf.reduce_mean(tf.einsum("bhwc,b->hwc", (pixels - mean) ** 2, kept)) / count
