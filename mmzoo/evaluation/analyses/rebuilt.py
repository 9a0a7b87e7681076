"""What was rebuilt beside what it should be."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import Analysis
from mmzoo.evaluation.blocks import Block, Heading, Pair, Pairs, Text
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.messages.words import one_line
from mmzoo.tasks.reconstruction import rebuilds

WORST, OTHERS = 8, 16


@analyses.register("rebuilt", section="mistakes")
class Rebuilt(Analysis):
    """Inputs beside what was rebuilt of them, the worst first."""

    place: ClassVar[int] = 10

    def applies(self, result: TaskEvaluation) -> bool:
        return result.task.tags.rebuilt

    def compute(self, result: TaskEvaluation) -> list[dict[str, str | float]]:
        """The error of the worst eight records and of sixteen spread over the others, the worst first."""
        score, rows = result.scores[result.everything], np.flatnonzero(result.known)
        return [
            {"id": result.records.ids[rows[k]], result.task.score_name: float(-score[k])} for k in self.chosen(score)
        ]

    def chosen(self, score: np.ndarray) -> list[int]:
        """Places of records with a label, the worst first."""
        order = np.argsort(score, kind="stable")
        step = max((len(order) - WORST) // OTHERS, 1)
        return [*order[:WORST].tolist(), *order[WORST::step][:OTHERS].tolist()]

    def draw(self, found: list[dict[str, str | float]], result: TaskEvaluation) -> list[Block]:
        task = result.task
        assert rebuilds(task)
        labels, predictions = result.labels_and_predictions
        made = task.rebuilding
        pairs = [
            Pair(
                f"{one_line(each['id'], 40)}: {each[task.score_name]:.3g}",
                made.shown(labels[k].astype(np.float32)),
                made.shown(task.cells.likeliest(predictions[k])),
            )
            for each, k in zip(found, self.chosen(result.scores[result.everything]), strict=True)
        ]
        return [
            Heading(f"{task.input.capitalize()} as it is and rebuilt, the worst first"),
            Pairs(("as it is", "rebuilt"), pairs),
            Text(f"Below each pair the {task.score_words}, of which 1 is what the mean of all records has.", soft=True),
        ]
