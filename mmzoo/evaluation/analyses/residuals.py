"""The errors of numbers."""

from __future__ import annotations

from typing import ClassVar, TypedDict

import numpy as np

from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import Analysis
from mmzoo.evaluation.blocks import Block, Chart, Line, Text
from mmzoo.evaluation.of_task import TaskEvaluation

DRAWN = 400  # records at most


class Errors(TypedDict):
    """Of one target: answer minus truth, by its mean, its root mean square and its quantiles in percent."""

    bias: float
    rmse: float
    quantiles: dict[str, float]


@analyses.register("residuals", section="mistakes")
class Residuals(Analysis):
    """Of numbers: bias, root mean square and quantiles of answer minus truth, on the scale of the task."""

    place: ClassVar[int] = 20

    def applies(self, result: TaskEvaluation) -> bool:
        return bool(result.task.tags.numeric)

    def compute(self, result: TaskEvaluation) -> list[Errors]:
        return residuals(*map(result.task.on_scale, result.labels_and_predictions))

    def draw(self, found: list[Errors], result: TaskEvaluation) -> list[Block]:
        labels, answers = (each[:DRAWN] for each in result.labels_and_predictions)
        blocks: list[Block] = []
        for k in range(labels.shape[1]):
            low, high = float(labels[:, k].min()), float(labels[:, k].max())
            dots = Line("", labels[:, k].tolist(), answers[:, k].tolist(), "dots", dots=True)
            title = "Answer by truth" if labels.shape[1] == 1 else f"Answer {k + 1} by truth"
            ideal = Line("", [low, high], [low, high], "soft")
            words, logarithmic = f"answer {k + 1} by truth", result.task.tags.logarithmic
            blocks.append(Chart(title, [ideal, dots], "truth", words, logarithmic=logarithmic))
        told = in_times if result.task.tags.logarithmic else in_words
        return [*blocks, Text(" ".join(map(told, found)), soft=True)]


def in_words(target: Errors) -> str:
    """The errors of one target in a sentence."""
    low, high = target["quantiles"]["5"], target["quantiles"]["95"]
    said = f"Bias {target['bias']:+.3g}, root mean square {target['rmse']:.3g}"
    return f"{said}, nine of ten errors from {low:.3g} to {high:.3g}."


def in_times(target: Errors) -> str:
    """The same of logarithms: how many times the truth the answers are."""
    low, middle, high = (np.exp(target["quantiles"][place]) for place in ("5", "50", "95"))
    return (
        f"Half of the answers are below {middle:.3g} times the truth, nine of ten from {low:.3g} to {high:.3g} times."
    )


def residuals(labels: np.ndarray, answers: np.ndarray) -> list[Errors]:
    """For each target of a regression: bias, deviation, and the quantiles of answer minus truth."""
    errors = answers - labels
    return [
        {
            "bias": float(error.mean()),
            "rmse": float(np.sqrt((error**2).mean())),
            "quantiles": dict(zip(("5", "50", "95"), np.percentile(error, [5, 50, 95]).tolist(), strict=True)),
        }
        for error in errors.T
    ]
