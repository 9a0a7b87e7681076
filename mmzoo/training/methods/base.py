"""What a training method may do, and when it is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import keras
import numpy as np

from mmzoo.aliases import Tensor, Tree
from mmzoo.modalities.base import Modality
from mmzoo.training.optimizer import AdamW
from mmzoo.tuning.groups import Tuned

if TYPE_CHECKING:
    import tensorflow as tf

    from mmzoo.data.records import Records
    from mmzoo.graph.parts import Parts
    from mmzoo.spec import Spec
    from mmzoo.training.loss import Batch, TaskLoss
    from mmzoo.training.settings import Training


class Learner(NamedTuple):
    """What a method works on.

    spec, model: from what a feed gives to the model's outputs, those of `TrainingMethod.outputs` among them.
    tuned: what trains of the model.
    steps: of the whole training.
    averages: pairs of a variable's moving average and the variable.
    optimizer: makes another like the model's own, whose learning rate is so many times as high; options are Keras's.
    """

    spec: Spec
    model: keras.Model
    tuned: Tuned
    steps: int
    averages: Sequence[tuple[keras.Variable, keras.Variable]] = ()
    optimizer: Callable[..., AdamW] = AdamW


class LabelledOutputs(NamedTuple):
    """What the model answers to records that stay the same: outputs, labels, and bool (N, M) what is really there."""

    outputs: dict[str, Tensor]
    labels: dict[str, Tensor]
    present: np.ndarray


class TrainingMethod:
    """A training method: it overrides what it needs, in the order in which these are called. Options are keyword-only.

    Whatever runs in the step is traced into one graph, runs on every replica, and must give every replica the same
    variables. Where a loss has parts (`Training.grad_accum_steps`), the parts of a batch must add up.
    """

    multiple = 1
    """A batch, and each worker's part of it, must have a multiple of so many examples: those that belong together."""
    pairs = False
    """Is every example to be in a batch twice, as two variants side by side? An epoch then has twice as many steps."""
    unlabelled = False
    """Are records of use whose label is missing?"""
    needs_records = False
    """Does `end_epoch` ask for answers? Then there must be validation records, and training records at hand."""
    takes_texts = True
    """Does it know what to do with a task that writes texts?"""
    runs: tuple[str, ...] = ()
    """The folders of finished runs that must be there."""
    term = ""
    """What the history calls the result of `added_loss`, if it gives one."""

    def check(self, spec: Spec, training: Training) -> None:
        """Raise `MMZooError` if the method does not fit the spec or the settings. Nothing is read or built yet."""

    def labels(self, spec: Spec, records: Records) -> dict[str, np.ndarray]:
        """More labels (N, ...) of the training records, by names that are no task's (`mmzoo.names`)."""
        return {}

    def batch(
        self, inputs: dict[str, Tree], labels: Tree, weights: Tree, keys: Tensor, items: dict[str, Modality | None]
    ) -> tuple[dict[str, Tree], Tree, Tree]:
        """A batch on its way to the model, in a graph of tf.data: `(inputs, labels, weights)`, see `Batch`.

        Args:
            keys: int64 (B,), what all draws for an example come from (`mmzoo.draws`).
            items: the inputs in the order of `present`, None for one that comes as features of a frozen part.
        """
        return inputs, labels, weights

    def outputs(self, parts: Parts) -> dict[str, Tensor]:
        """Symbolic tensors that the model should put out as well, by names that no other output has."""
        return {}

    def build(self, learner: Learner) -> None:
        """Make variables, in the scope of the strategy; all that follows is called on the same object."""

    @property
    def variables(self) -> list[tf.Variable]:
        """Those that a checkpoint has to keep."""
        return []

    def losses(self, batch: Batch, outputs: dict[str, Tensor], losses: list[TaskLoss]) -> list[TaskLoss]:
        """The losses of the tasks, changed; also on validation records, which have no `labels` of a method."""
        return losses

    def added_loss(self, batch: Batch, outputs: dict[str, Tensor]) -> Tensor | None:
        """What is added to a replica's part of the loss, float32 (), in training only; see `term`.

        It is called for the model's own outputs and for those of each `harder`, whose mean counts.
        """
        return None

    def harder(self, batch: Batch, loss_of: Callable[[dict[str, Tensor]], Tensor]) -> dict[str, Tensor] | None:
        """The model's outputs in training for changed examples, whose loss counts as much as that of the others.

        Or for the same examples once more, under another dropout. It is called before `added_loss`.

        Args:
            loss_of: from the model's outputs to the loss of these examples, float32 ().
        """
        return None

    def measure(
        self, batch: Batch, outputs: dict[str, Tensor], losses: list[TaskLoss], tape: tf.GradientTape
    ) -> Tensor | None:
        """A tensor that is added up over the parts of a batch and over all replicas, for `update`; or None.

        Args:
            tape: the gradient tape under which all of these were computed.
        """
        return None

    def update(self, total: Tensor) -> None:
        """Take what was measured of a whole batch."""

    def after_step(self, before: dict[int, Tensor], step: Tensor) -> None:
        """Change the variables after the optimizer's step, before they are averaged.

        Args:
            before: what trains had these values before the step, by the id of the variable.
            step: how many steps were taken by now.
        """

    def end_epoch(self, epoch: int, answers: Callable[[], tuple[LabelledOutputs, LabelledOutputs]]) -> None:
        """An epoch has ended, or with `epoch` 0, training begins. Called on every worker.

        Args:
            answers: gives those to training records and to validation records; see `needs_records`.
        """

    def settled(self, step: int) -> bool:
        """May the weights that were trained for so many steps be chosen, as far as this method is concerned?"""
        return True
