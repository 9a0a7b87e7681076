"""Heads weighed by how much they learn for how much they overfit (Wang et al. 2020, arXiv:1905.12681)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.errors import require
from mmzoo.names import single_output
from mmzoo.options import Range
from mmzoo.spec import Spec
from mmzoo.training.distribution.strategy import added_up, is_chief
from mmzoo.training.loss import Batch, TaskLoss
from mmzoo.training.methods import methods
from mmzoo.training.methods.base import LabelledOutputs, Learner, TrainingMethod

if TYPE_CHECKING:
    from mmzoo.training.settings import Training

LEAST = 0.01  # a head's share does not fall further, so that it can be measured again
FLOOR = 0.1  # overfitting counts as at least so much of the largest gain: what is measured has noise


@methods.register("gradient_blending")
class Blending(TrainingMethod):
    """The heads of the modalities and the fused one are weighed by gain / overfitting^2 (arXiv:1905.12681).

    Gradient Blending (Wang, Tran & Feiszli 2020, proposition 1): the gain is by how much a head's validation loss has
    fallen over the last epochs, and the overfitting by how much the distance between its validation and its training
    loss has grown. This is the online form with one change: the heads are measured in the one model that trains, in
    place of a copy trained for each of them. The weights of a task's heads, the fused one first, have the sum 1. A task
    without `auxiliary` keeps its loss.

    Args:
        epochs: after each so many the heads are weighed anew.
    """

    needs_records = True
    takes_texts = False

    def __init__(self, *, epochs: Annotated[int, Range(1, 1_000_000)] = 5) -> None:
        self.epochs = epochs

    def check(self, spec: Spec, training: Training) -> None:
        require(
            len(spec.inputs) > 1 and any(task.auxiliary for task in spec.tasks),
            "The method 'gradient_blending' weighs a head of each modality against the fused one; give a task an "
            "'auxiliary' above 0 and the spec two inputs or more, or leave it out.",
        )

    def build(self, learner: Learner) -> None:
        self.spec, heads = learner.spec, 1 + len(learner.spec.inputs)
        self.weights = tf.Variable(tf.fill((len(self.spec.tasks), heads), 1 / heads), trainable=False)
        self.before = tf.Variable(tf.fill((2, len(self.spec.tasks), heads), np.float32(np.nan)), trainable=False)

    @property
    def variables(self) -> list[tf.Variable]:
        return [self.weights, self.before]

    def losses(self, batch: Batch, outputs: dict[str, Tensor], losses: list[TaskLoss]) -> list[TaskLoss]:
        return [
            loss if loss.single is None else replace(loss, shares=self.weights[index])
            for index, loss in enumerate(losses)
        ]

    def end_epoch(self, epoch: int, answers: Callable[[], tuple[LabelledOutputs, LabelledOutputs]]) -> None:
        """Weigh the heads by their losses on training and on validation records, which the first worker takes."""
        if epoch % self.epochs:
            return
        losses = np.zeros((2, *self.weights.shape), np.float32)
        if is_chief():
            losses[:] = [head_losses(self.spec, *each) for each in answers()]
        self.weigh(added_up(losses.ravel().tolist()).reshape(losses.shape))

    def weigh(self, losses: np.ndarray) -> None:
        """Take the losses of all heads, float32 (2, T, 1 + M): of training records, of validation records."""
        before = self.before.numpy()
        self.before.assign(losses)
        self.weights.assign([new_weights(*each) for each in zip(self.weights.numpy(), *before, *losses, strict=True)])


def new_weights(
    weights: np.ndarray, train_before: np.ndarray, before: np.ndarray, train: np.ndarray, now: np.ndarray
) -> np.ndarray:
    """The weights of one task's heads (1 + M,), from their losses on training and validation records, then and now.

    They stay as they are where no head has gained, and where nothing was measured before.
    """
    gain = before - now
    grown = (now - train) - (before - train_before)
    if not np.isfinite(gain + grown).all() or gain.max() <= 0:
        return weights
    found = np.maximum(gain, 0) / np.maximum(grown, FLOOR * gain.max()) ** 2
    shares = np.maximum(found / found.sum(), LEAST)
    return np.asarray(shares / shares.sum(), np.float32)


def head_losses(spec: Spec, outputs: dict[str, Tensor], labels: dict[str, Tensor], present: np.ndarray) -> np.ndarray:
    """The mean loss of each head over the examples whose label is known and that have its modality, (T, 1 + M).

    NaN where there is no such head, or no such example.
    """
    found = np.full((len(spec.tasks), 1 + len(spec.inputs)), np.nan, np.float32)
    for row, task in zip(found, spec.tasks, strict=True):
        kept = np.asarray(task.known(labels[task.name]))
        names = [task.name, *(single_output(task.name, name) for name in spec.input_names)]
        for index, name in enumerate(names if task.auxiliary else []):
            mask = kept & present[:, index - 1] if index else kept
            if mask.any():
                loss = task.loss(tf.constant(labels[task.name][mask]), tf.constant(outputs[name][mask]))
                row[index] = np.mean(loss)
    return found
