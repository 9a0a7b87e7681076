"""Answers of towers that are fitted to the labels before training, as the logits of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.boosting import scores_of

if TYPE_CHECKING:
    from mmzoo.declared import Declared
    from mmzoo.tasks.base import Task
    from mmzoo.tokens import Tokens


def scored(task: Task, declared: Declared, tokens: dict[str, Tokens]) -> dict[str, Tensor]:
    """By input with such a tower, what it answers: symbolic logits (B, units) of one task.

    None of a task that such towers cannot be fitted to.

    Args:
        tokens: by input, where its scores stand (B, 1, scores of all tasks).
    """
    if not (count := scores_of(task)):
        return {}
    tasks = list(declared.tasks)
    first = sum(map(scores_of, tasks[: tasks.index(task)]))
    return {name: logits_of(task, tokens[name].values[:, 0, first : first + count]) for name in declared.scored}


def logits_of(task: Task, scores: Tensor) -> Tensor:
    """Scores (B, count) as logits (B, units) of the task: of two labels there may be one score, its log-odds."""
    if scores.shape[-1] == task.units:
        return scores
    if scores.shape[-1] == 1:
        scores = ops.concatenate([-0.5 * scores, 0.5 * scores], axis=-1)
    return scores if scores.shape[-1] == task.units else task.to_logits(ops.softmax(scores))


def added(logits: Tensor, scores: dict[str, Tensor], present: dict[str, Tensor]) -> Tensor:
    """Logits (B, units) of the fusion's head, and beside them those of fitted towers whose input is there.

    Args:
        present: by input, is it really there? Symbolic bool (B,).
    """
    for name, each in scores.items():
        logits = logits + ops.where(present[name][:, None], each, 0.0)
    return logits
