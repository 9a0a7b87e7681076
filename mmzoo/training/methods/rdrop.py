"""R-Drop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.errors import require
from mmzoo.options import Range
from mmzoo.training.loss import Batch
from mmzoo.training.methods import methods
from mmzoo.training.methods.base import Learner, TrainingMethod

if TYPE_CHECKING:
    from mmzoo.spec import Spec
    from mmzoo.training.settings import Training


@methods.register("rdrop")
class RDrop(TrainingMethod):
    """Each example is answered under two dropouts, and the answers are to agree (Liang et al. 2021, arXiv:2106.14448).

    Half of the loss is that of the second answer, and `weight / 4 * (d(first, second) + d(second, first))` is added:
    the half of the paper's equation 4, so that `weight` is its alpha. `d` is how far logits are from others
    (`Task.imitation`), of classes the Kullback-Leibler divergence. Records without a label are of use for that too.

    Args:
        weight: how much it counts that the answers differ.
    """

    term = "rdrop_loss"
    takes_texts = False
    unlabelled = True

    def __init__(self, *, weight: Annotated[float, Range(0, 100)] = 1.0) -> None:
        self.weight = weight
        self.kept = threading.local()  # each replica has a thread, and waits for the others within a step

    def check(self, spec: Spec, training: Training) -> None:
        """There are answers to compare, and no other method has the model answer once more."""
        labelled = any(task.target == "label" for task in spec.tasks)
        require(labelled, "The method 'rdrop' compares answers to labels: the spec needs a task that has labels.")
        other = next((n for n in training.method_names if n != "rdrop" and changes_examples(n)), "")
        require(not other, f"The methods 'rdrop' and '{other}' both train on second answers; leave one of them out.")

    def build(self, learner: Learner) -> None:
        self.model: Callable[..., dict[str, Tensor]] = learner.model
        self.tasks = [task for task in learner.spec.tasks if task.target == "label"]

    def harder(self, batch: Batch, loss_of: Callable[[dict[str, Tensor]], Tensor]) -> dict[str, Tensor]:
        self.kept.second = second = self.model(batch.inputs, training=True)
        return second

    def added_loss(self, batch: Batch, outputs: dict[str, Tensor]) -> Tensor:
        """Of the first answers; of the second ones, for which it is asked too, it is 0, and the mean of both counts."""
        pairs = [(task, outputs[task.name], self.kept.second[task.name]) for task in self.tasks]
        apart = [each for task, a, b in pairs for each in (task.imitation(a, b), task.imitation(b, a))]
        return batch.share * self.weight / 2 * tf.add_n([tf.reduce_mean(each) for each in apart])


def changes_examples(name: str) -> bool:
    """Does a method have the model answer a second time?"""
    return methods[name].harder is not TrainingMethod.harder
