"""Answers held back where the model is unsure."""

from __future__ import annotations

from typing import ClassVar, TypedDict

import numpy as np

from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import Analysis, Reason
from mmzoo.evaluation.analyses.calibration import no_probabilities
from mmzoo.evaluation.blocks import Block, Chart, Line
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.evaluation.uncertainty import confidence

COVERAGES = np.arange(1, 21) / 20


class RiskCoverage(TypedDict):
    """See `risk_coverage`."""

    aurc: float
    best: float
    coverage: list[float]
    risk: list[float]


@analyses.register("selective", section="trust")
class Selective(Analysis):
    """The share of mistakes if only the most confident answers are given."""

    place: ClassVar[int] = 20

    def compute(self, result: TaskEvaluation) -> RiskCoverage | Reason:
        task = result.task
        if not task.tags.probabilistic:
            return no_probabilities(task)
        labels, answers = result.labels_and_predictions
        return risk_coverage(confidence(task, answers), task.score(labels, answers))

    def draw(self, found: RiskCoverage, result: TaskEvaluation) -> list[Block]:
        ticks = [(k / 4, f"{k * 25} %") for k in range(5)]
        line = Line("mistakes", found["coverage"], found["risk"], 0)
        level = Line("all", [0, 1], [found["risk"][-1]] * 2, "soft")
        title, label = "if only the most confident are answered", "share of mistakes by share of records answered"
        span = (0, max(found["risk"]) * 1.05 + 1e-9)
        answered = "records answered, the most confident first"
        return [Chart(f"Share of mistakes, {title}", [level, line], answered, label, span, ticks)]

    def draw_reason(self, reason: str) -> list[Block]:
        return []  # the same as of calibration, which stands there


def risk_coverage(confidence: np.ndarray, score: np.ndarray) -> RiskCoverage:
    """The share of mistakes among the most confident answers, and the area under it.

    Args:
        confidence: float (N,), higher is surer.
        score: float (N,) from 0 to 1; `1 - score` is the risk.

    Returns:
        `aurc`, the mean risk over all coverages (Geifman, Uziel & El-Yaniv 2019, arXiv:1805.08206), with
        `best`, what the same answers would reach in the best order; `coverage` and `risk` at `COVERAGES`.
        Among equally sure answers the risk is spread evenly.
    """
    order = np.argsort(-confidence, kind="stable")
    loss = (1.0 - score)[order]
    _, starts, counts = np.unique(-confidence[order], return_index=True, return_counts=True)
    loss = np.repeat(np.add.reduceat(loss, starts) / counts, counts)
    ranks = np.arange(1, len(loss) + 1)
    risks = np.cumsum(loss) / ranks
    places = np.ceil(COVERAGES * len(loss) - 1e-9).astype(int) - 1
    return {
        "aurc": float(risks.mean()),
        "best": float((np.cumsum(np.sort(1.0 - score)) / ranks).mean()),
        "coverage": COVERAGES.tolist(),
        "risk": risks[places].tolist(),
    }
