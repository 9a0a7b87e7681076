"""Which labels are taken for which."""

from __future__ import annotations

from typing import ClassVar, TypedDict

import numpy as np

from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import Analysis
from mmzoo.evaluation.blocks import Block, Matrix, Text
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.tasks.base import Task


class Counts(TypedDict):
    """How often each label (rows) is answered as each (columns)."""

    labels: list[str]
    counts: list[list[int]]


@analyses.register("confusion", section="mistakes")
class Confusion(Analysis):
    """The confusion matrix: how often each label is answered as each."""

    place: ClassVar[int] = 10

    def applies(self, result: TaskEvaluation) -> bool:
        return bool(result.task.tags.exclusive)

    def compute(self, result: TaskEvaluation) -> Counts:
        counts = confusion(result.task, *result.labels_and_predictions)
        return {"labels": list(result.task.answer_names), "counts": counts.tolist()}

    def draw(self, found: Counts, result: TaskEvaluation) -> list[Block]:
        said = "Rows are the true labels, columns the answers; the darker, the larger a row's share."
        return [Text(said, soft=True), Matrix(found["labels"], found["counts"])]


def confusion(task: Task, labels: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """How often each label (rows) is answered as each (columns), int (K, K)."""
    from sklearn.metrics import confusion_matrix

    return np.asarray(confusion_matrix(labels, answers.argmax(axis=1), labels=np.arange(len(task.answer_names))))
