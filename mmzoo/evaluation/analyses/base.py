"""What every analysis has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypedDict

from mmzoo.evaluation.blocks import Block, Text
from mmzoo.evaluation.of_task import TaskEvaluation


class Reason(TypedDict):
    """Why an analysis cannot be had, in a sentence."""

    reason: str


class Analysis:
    """One question about the answers to some records, task by task.

    Args:
        place: the order within its section of the report; those of the same place stand by name.
    """

    place: ClassVar[int] = 100

    def applies(self, result: TaskEvaluation) -> bool:
        """Is there anything to be said? Else metrics.json and the report are silent. Ask `result.task.tags`."""
        return result.task.tags.elementwise

    def compute(self, result: TaskEvaluation) -> object:
        """Plain JSON; `{"reason": sentence}` where it cannot be had. Some record has a label of the task."""
        raise NotImplementedError

    def draw(self, found: Any, result: TaskEvaluation) -> Sequence[Block]:
        """What the report shows of what `compute` has found."""
        return []

    def draw_reason(self, reason: str) -> Sequence[Block]:
        """What the report shows where it cannot be had."""
        return [Text(reason, soft=True)]

    def shown(self, found: object, result: TaskEvaluation) -> list[Block]:
        """What the report shows."""
        reason = reason_of(found)
        return [*(self.draw(found, result) if reason is None else self.draw_reason(reason))]


class OnRequest(Analysis):
    """One that takes long, and is only made where it is asked for; see `Evaluation.with_found`.

    Args:
        remedy: the sentence that says how to ask for it.
    """

    remedy: ClassVar[str]

    def compute(self, result: TaskEvaluation) -> Reason:
        return {"reason": self.remedy}


def reason_of(found: object) -> str | None:
    """Why an analysis could not be had; None where it could."""
    reason = found.get("reason") if isinstance(found, dict) else None
    return reason if isinstance(reason, str) else None
