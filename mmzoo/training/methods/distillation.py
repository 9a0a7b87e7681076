"""A trained model that another one learns from (Hinton, Vinyals & Dean 2015, arXiv:1503.02531)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.data.records import Records, decode
from mmzoo.errors import require
from mmzoo.graph.cut import split
from mmzoo.inference.running import run_model
from mmzoo.names import teacher_labels
from mmzoo.options import Range
from mmzoo.spec import Spec
from mmzoo.training.distribution.strategy import is_chief
from mmzoo.training.features.compute import compute_features, first_variant
from mmzoo.training.finished import load_finished
from mmzoo.training.loss import Batch, TaskLoss, above_zero, sides, weighted
from mmzoo.training.methods import methods
from mmzoo.training.methods.base import Learner, TrainingMethod


def has_teacher(*, teacher: str, **_: object) -> None:
    """Raise unless there is one."""
    require(teacher, "The method 'distillation' learns from a run; name its folder: teacher='runs/NAME'.")


@methods.register("distillation", check=has_teacher)
class Distillation(TrainingMethod):
    """The answers of a trained model are imitated, also where a label is missing (Hinton et al. 2015).

    A task's loss is `(1 - weight) * loss + weight * mean of the imitation`, the latter also of examples without a
    label. Heads of single modalities learn from labels alone.

    Args:
        teacher: the folder of the run that has it.
        others: of more runs; the mean of all their answers is imitated, and a folder that is named twice counts twice.
        weight: how much of the loss is the imitation.
        temperature: of the teacher's answers; above 1 the small probabilities tell more.
    """

    unlabelled = True
    takes_texts = False

    def __init__(
        self,
        *,
        teacher: str = "",
        others: Sequence[str] = (),
        weight: float = 0.7,
        temperature: Annotated[float, Range(0.1, 100)] = 2.0,
    ) -> None:
        self.weight, self.temperature = weight, temperature
        self.runs = (teacher, *others)

    def labels(self, spec: Spec, records: Records) -> dict[str, np.ndarray]:
        if is_chief():
            names = " and ".join(f"'{name}'" for name in dict.fromkeys(self.runs))
            print(f"Learning from {names} ({self.weight:.0%} of the loss).")
        return mean_answers(self.runs, spec, records)

    def build(self, learner: Learner) -> None:
        self.tasks = learner.spec.tasks

    def losses(self, batch: Batch, outputs: dict[str, Tensor], losses: list[TaskLoss]) -> list[TaskLoss]:
        found = []
        for task, loss, totals in zip(self.tasks, losses, tf.unstack(batch.totals), strict=True):
            apart: list[Tensor] = []
            for side, weights in sides(batch.labels, batch.weights):
                if (teacher_logits := side.get(teacher_labels(task.name))) is not None:
                    each = task.imitation(teacher_logits, outputs[task.name], self.temperature)
                    apart.append(tf.reduce_sum(each * weighted(tf.ones_like(each), weights)) / above_zero(totals[1]))
            if apart:
                loss = replace(loss, fused=(1 - self.weight) * loss.fused + self.weight * tf.add_n(apart))
            found.append(loss)
        return found


def mean_answers(teachers: Sequence[str], spec: Spec, records: Records) -> dict[str, np.ndarray]:
    """The logits of the mean of what some runs answer; see `teacher_answers`.

    Raises:
        MMZooError: there are several, and a task weighs evidence, which has no mean.
    """
    found = {name: teacher_answers(name, spec, records) for name in dict.fromkeys(teachers)}
    if len(found) == 1:
        return found[teachers[0]]
    means = {}
    for task in spec.tasks:
        require(not task.tags.evidential, f"Several teachers have no common evidence for task '{task.name}'; name one.")
        key = teacher_labels(task.name)
        said = np.mean([np.asarray(task.to_opinions(found[name][key])) for name in teachers], axis=0)
        means[key] = np.asarray(task.to_logits(said), np.float32)
    return means


def teacher_answers(teacher: str, spec: Spec, records: Records) -> dict[str, np.ndarray]:
    """What a run's model says to all records, as logits of the spec's own tasks, by `teacher_labels(task)`.

    Each float32 (N, units).

    Args:
        teacher: the run's folder; its inputs may be others than the spec's, as long as the records have them.

    Raises:
        MMZooError: the folder has no model, or it was not asked what the spec asks.
    """
    model = load_finished(teacher)
    theirs = {task.name: task for task in model.spec.tasks}
    for task in spec.tasks:
        same = task.name in theirs and task.matches(theirs[task.name])
        require(same, f"The teacher '{teacher}' has no task '{task.name}' with the same labels; choose another.")
        require(
            theirs[task.name].tags.evidential == task.tags.evidential,
            f"Of the teacher '{teacher}' and task '{task.name}' one weighs evidence and the other does not; let both.",
        )
    for name in model.spec.input_names:
        require(name in records.columns, f"The teacher '{teacher}' needs input '{name}', which the records have not.")
    part = split(model)
    features = compute_features(part, model.spec, decode(model.spec, records), what="the teacher's features")
    found = run_model(part.rest, first_variant(features))
    return {teacher_labels(t.name): t.logits_like(theirs[t.name], found[t.name]) for t in spec.tasks}
