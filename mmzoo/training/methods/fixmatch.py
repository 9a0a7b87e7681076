"""Learning from records without a label where the model is sure of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.choice import Method
from mmzoo.data.lazy.columns import given
from mmzoo.errors import require
from mmzoo.names import single_output
from mmzoo.options import Range
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task
from mmzoo.training.loss import Batch, above_zero, sides, weighted
from mmzoo.training.methods import methods
from mmzoo.training.methods.base import Learner, TrainingMethod

if TYPE_CHECKING:
    from mmzoo.data.records import Records
    from mmzoo.training.settings import Training


@methods.register("fixmatch")
class FixMatch(TrainingMethod):
    """Records without a label are learned from where the model is sure of them (Sohn et al. 2020, arXiv:2001.07685).

    What the model answers to such a record as it is, is taken for the label of the same record as it is augmented and
    partly dropped out, if the answer's probability reaches `threshold`; the others do not count. Heads of single
    modalities learn it too, from all modalities together. Added is the mean over all records without a label.

    Args:
        threshold: the least probability.
        weight: how much this counts beside the loss of records with a label.
    """

    unlabelled = True
    takes_texts = False
    term = "unlabelled_loss"

    def __init__(
        self, *, threshold: Annotated[float, Range(0.0, 1.0)] = 0.95, weight: Annotated[float, Range(0.0, 100.0)] = 1.0
    ) -> None:
        self.threshold, self.weight = threshold, weight

    def check(self, spec: Spec, training: Training) -> None:
        require(
            any(task.tags.exclusive for task in spec.tasks),
            "The methods 'fixmatch' and 'freematch' need a classification, whose labels they guess; train without.",
        )
        mixed = {Method.of(each).name for each in training.methods} & {"mixup", "cutmix"}
        require(
            not mixed,
            "A mixed example has no label of its own to be guessed; name one of 'mixup', 'cutmix' and "
            "'fixmatch', 'freematch'.",
        )

    def labels(self, spec: Spec, records: Records) -> dict[str, np.ndarray]:
        """None of its own; raise where there is nothing to guess."""
        asked = [task.name for task in spec.tasks if task.tags.exclusive]
        require(
            not all(given(records.column(name)).all() for name in asked),
            "Every training record has a label, so that the methods 'fixmatch' and 'freematch' have none to guess; add "
            "records whose label is empty, or train without.",
        )
        return {}

    def build(self, learner: Learner) -> None:
        self.spec, self.model = learner.spec, learner.model
        self.tasks = [task for task in learner.spec.tasks if task.tags.exclusive]

    def thresholds(self, task: Task) -> Tensor:
        """The least probability of each class, float32 (K,) or ()."""
        return tf.constant(self.threshold)

    def guesses(self, batch: Batch) -> dict[str, tuple[Tensor, Tensor]]:
        """By task what is answered to the records as they are, float32 (B, K), and which have no label, bool (B,)."""
        outputs = self.model(batch.inputs, training=False)
        (labels, _), *_ = sides(batch.labels, batch.weights)
        found = {}
        for task in self.tasks:
            answers = tf.cast(task.to_predictions(outputs[task.name]), tf.float32)
            found[task.name] = tf.stop_gradient(answers), ~tf.cast(task.known(labels[task.name]), tf.bool)
        return found

    def added_loss(self, batch: Batch, outputs: dict[str, Tensor]) -> Tensor:
        guesses = self.guesses(batch)
        (_, weights), *_ = sides(batch.labels, batch.weights)
        losses = []
        for task in self.tasks:
            answers, asked = guesses[task.name]
            label = tf.argmax(answers, axis=1, output_type=tf.int32)
            least = tf.broadcast_to(self.thresholds(task), answers.shape[-1:])
            sure = tf.logical_and(asked, tf.reduce_max(answers, axis=1) >= tf.gather(least, label))
            totals = batch.totals[self.spec.tasks.index(task)]
            count = weighted(sure, weights) / above_zero(totals[1] - totals[0])
            losses.append(task.weight * tf.reduce_sum(task.loss(label, outputs[task.loss_output]) * count))
            if task.auxiliary:
                heads = [outputs[single_output(task.name, name)] for name in self.spec.input_names]
                here = tf.cast(batch.present, tf.float32)
                each = tf.stack([task.loss(label, head) for head in heads], axis=1) * here
                mean = tf.reduce_sum(each, axis=1) / above_zero(tf.reduce_sum(here, axis=1))
                losses.append(task.weight * task.auxiliary * tf.reduce_sum(mean * count))
        return self.weight * tf.add_n(losses)
