"""Mistakes label by label."""

from __future__ import annotations

from typing import ClassVar, NotRequired, TypedDict

import numpy as np

from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import Analysis
from mmzoo.evaluation.blocks import Block, Cell, Table
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.tasks.base import Task


class LabelScores(TypedDict):
    """Of one label; None stands for a share of nothing.

    average_precision: where a record may have many labels.
    """

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    count: int
    average_precision: NotRequired[float | None]


@analyses.register("by_class", section="mistakes")
class ByClass(Analysis):
    """Precision, recall and F1 of each label."""

    place: ClassVar[int] = 30

    def applies(self, result: TaskEvaluation) -> bool:
        return bool(result.task.tags.probabilistic)

    def compute(self, result: TaskEvaluation) -> list[LabelScores]:
        return by_class(result.task, *result.labels_and_predictions)

    def draw(self, found: list[LabelScores], result: TaskEvaluation) -> list[Block]:
        many = "average_precision" in found[0]
        rows: list[list[Cell]] = []
        for row in found:
            shares: list[Cell] = [row["precision"], row["recall"], row["f1"]]
            shares += [row["average_precision"]] if many else []
            rows.append([row["label"], *shares, row["count"]])
        heads = ["label", "precision", "recall", "F1", *(["AP"] if many else []), "records"]
        return [Table(heads, rows, "precision and recall by label", "By label, worst first")]


def by_class(task: Task, labels: np.ndarray, answers: np.ndarray) -> list[LabelScores]:
    """Precision, recall, F1 and count of each label, worst F1 first; for many labels at once also average precision.

    None stands for a share of nothing: the precision of a label never given, the recall of one that does not occur.
    """
    from sklearn.metrics import average_precision_score, precision_recall_fscore_support

    single = task.tags.exclusive
    right, given = (labels, answers.argmax(axis=1)) if single else (labels > 0.5, answers > 0.5)
    found = precision_recall_fscore_support(
        right, given, labels=np.arange(len(task.answer_names)), zero_division=np.nan
    )
    rows = []
    for k, label in enumerate(task.answer_names):
        precision, recall, f1 = (number_of(values[k]) for values in found[:3])
        row = LabelScores(label=label, precision=precision, recall=recall, f1=f1, count=int(found[3][k]))
        if not single:
            some = bool(right[:, k].any())
            row["average_precision"] = float(average_precision_score(right[:, k], answers[:, k])) if some else None
        rows.append(row)
    return sorted(rows, key=lambda row: (row["f1"] is None, row["f1"] or 0.0))


def number_of(share: float) -> float | None:
    """A share, None where it is one of nothing."""
    return None if np.isnan(share) else float(share)
