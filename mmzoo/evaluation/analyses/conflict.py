"""Modalities that contradict one another."""

from __future__ import annotations

from typing import ClassVar, NotRequired, TypedDict

from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import Analysis
from mmzoo.evaluation.blocks import Block, Text
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.evaluation.uncertainty import auroc


class Contradiction(TypedDict):
    """How much the modalities contradict one another on average, and how well that tells mistakes, as an AUROC."""

    mean: float
    error_auroc: NotRequired[float | None]


@analyses.register("conflict", section="trust")
class Conflict(Analysis):
    """How far the modalities disagree, and whether that tells mistakes from right answers."""

    place: ClassVar[int] = 40

    def compute(self, result: TaskEvaluation) -> Contradiction:
        found: Contradiction = {"mean": float(result.conflicts.mean())}
        if result.task.tags.exclusive:
            known, score = result.conflicts[result.known], result.scores[result.everything]
            found["error_auroc"] = auroc(known[score < 1], known[score == 1])
        return found

    def draw(self, found: Contradiction, result: TaskEvaluation) -> list[Block]:
        if found.get("error_auroc") is None or len(result.spec.inputs) < 2:
            return []
        what = "How much the modalities contradict one another tells mistakes from right answers"
        return [Text(f"{what} with an AUROC of {found['error_auroc']:.2f} (0.5 is chance).")]
