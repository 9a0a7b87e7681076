"""Texts beside the right ones."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import Analysis
from mmzoo.evaluation.blocks import Block, Heading, Table
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.messages.words import one_line
from mmzoo.tasks.common.written import writes

SHOWN = 20
LONG = 160  # characters of a text on the page


@analyses.register("written", section="mistakes")
class Written(Analysis):
    """What was written beside what is right, the worst first."""

    place: ClassVar[int] = 10

    def applies(self, result: TaskEvaluation) -> bool:
        return result.task.tags.texts

    def compute(self, result: TaskEvaluation) -> list[dict[str, str | float]]:
        """Of the worst twenty records and of every twentieth of the others, the worst first."""
        task = result.task
        assert writes(task)
        labels, predictions = result.labels_and_predictions
        score, rows = result.scores[result.everything], np.flatnonzero(result.known)
        order = np.argsort(score, kind="stable")
        step = max((len(order) - SHOWN) // SHOWN, 1)
        chosen = [*order[:SHOWN], *order[SHOWN::step][:SHOWN]]
        found: list[dict[str, str | float]] = []
        for k in chosen:
            answer = task.readable(predictions[k])
            found.append(
                {
                    "id": result.records.ids[rows[k]],
                    "right": task.label_text(labels[k]),
                    "written": answer["text"],
                    task.score_name: float(score[k]),
                    "log_prob": answer["log_prob"],
                }
            )
        return found

    def draw(self, found: list[dict[str, str | float]], result: TaskEvaluation) -> list[Block]:
        task = result.task
        heads = ["record", task.score_words, "log-probability", "written", "right"]
        rows = [
            [
                one_line(each["id"], 60),
                each[task.score_name],
                each["log_prob"],
                one_line(each["written"], LONG) or "(nothing)",
                one_line(each["right"], LONG),
            ]
            for each in found
        ]
        return [
            Heading("What was written and what is right, the worst first"),
            Table(heads, rows, "texts that were written beside the right ones", words=2),
        ]
