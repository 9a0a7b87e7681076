"""Answers that are sets of labels or ranges of numbers, with a promised coverage."""

from __future__ import annotations

from typing import ClassVar, NotRequired, TypedDict

import numpy as np

from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import Analysis, Reason
from mmzoo.evaluation.blocks import Block, Text
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.tasks.base import Task

PROMISE = 0.9
DIVISIONS = 100


class Resampled(TypedDict):
    """See `resampled`."""

    mean: float
    low: float
    high: float
    divisions: int


class Coverage(TypedDict):
    """See `conformal`.

    half_width: of a range, by target; None where it is everywhere.
    """

    nominal_coverage: float
    coverage: float
    size: NotRequired[float]
    sizes: NotRequired[list[float]]
    half_width: NotRequired[list[float | None]]
    resampled: NotRequired[Resampled]


@analyses.register("conformal", section="trust")
class Conformal(Analysis):
    """Sets of labels, or ranges of numbers, that hold the truth nine times of ten."""

    place: ClassVar[int] = 30

    def compute(self, result: TaskEvaluation) -> Coverage | Reason:
        task, held_out = result.task, result.validation
        if task.tags.probabilistic and not task.tags.exclusive:
            return {"reason": f"Task '{task.name}' has any number of right labels; a set is for one."}
        if not (task.tags.exclusive or task.tags.numeric):
            return {"reason": f"Task '{task.name}' answers neither with labels nor with numbers."}
        if held_out is None or not held_out.known(task).any():
            return {"reason": "There are no validation records to fix the sets on."}
        theirs = held_out.labels_and_predictions(task, result.everything)
        found = conformal(task, *result.labels_and_predictions, theirs)
        return {**found, "resampled": resampled(task, *result.labels_and_predictions, theirs)}

    def draw(self, found: Coverage, result: TaskEvaluation) -> list[Block]:
        asked, got = f"{found['nominal_coverage'] * 100:.0f} %", f"{found['coverage'] * 100:.1f} %"
        if "size" in found:
            said = f"Sets of labels that should hold the right one {asked} of the time do so {got} of the time, with "
            said += f"{found['size']:.1f} of {len(result.task.answer_names)} labels on average."
        else:
            words = result.task.reach_words
            reach = ", ".join("everywhere" if half is None else words(half) for half in found["half_width"])
            said = f"Ranges that should hold the truth {asked} of the time do so {got} of the time; they reach {reach}."
        again = found["resampled"]
        said += f" In {again['divisions']} random divisions of the validation and {result.split} records it is "
        said += f"{again['mean'] * 100:.1f} %, nine of ten between {again['low'] * 100:.1f} and "
        said += f"{again['high'] * 100:.1f} %."
        return [Text(said)]

    def draw_reason(self, reason: str) -> list[Block]:
        return [Text(reason)]


def threshold(scores: np.ndarray, promise: float = PROMISE) -> float:
    """The score that `promise` of new records will not exceed: the ceil((n + 1) promise)-th smallest of n, or inf.

    Split-conformal (Vovk et al. 2005); holds where the new records are drawn as these were.
    """
    place = int(np.ceil((len(scores) + 1) * promise - 1e-9))
    return float(np.sort(scores)[place - 1]) if place <= len(scores) else float("inf")


def scores_of(task: Task, labels: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """How far each truth is from its answer, (N, 1) or for numbers (N, K)."""
    if task.tags.numeric:
        return np.asarray(np.abs(task.on_scale(labels) - task.on_scale(answers)))
    return np.asarray(1.0 - answers[np.arange(len(labels)), labels][:, None])


def conformal(
    task: Task,
    labels: np.ndarray,
    answers: np.ndarray,
    held_out: tuple[np.ndarray, np.ndarray],
    promise: float = PROMISE,
) -> Coverage:
    """Prediction sets (LAC; Sadinle, Lei & Wasserman 2019, arXiv:1609.00451), or for numbers ranges of even width.

    A set holds every label whose probability is at least `1 - threshold`, and the likeliest in any case: nobody is
    helped by a set of nothing. A range is the answer plus and minus the threshold of the absolute errors, target by
    target and on the scale of the task.

    Args:
        labels, answers: of the records that are evaluated; answers are predictions.
        held_out: those of other records, which fix the threshold.

    Returns:
        `nominal_coverage` and measured `coverage`, mean `size`, and for sets the share of each size.
    """
    theirs, their_answers = held_out
    if task.tags.numeric:
        widths = np.array([threshold(column, promise) for column in scores_of(task, theirs, their_answers).T])
        inside = scores_of(task, labels, answers) <= widths
        return {"nominal_coverage": promise, "coverage": float(inside.mean()), "half_width": bounded(widths)}
    limit = threshold(scores_of(task, theirs, their_answers)[:, 0], promise)
    sets = sets_of(task, answers, limit)
    sizes = sets.sum(axis=1)
    return {
        "nominal_coverage": promise,
        "coverage": float(sets[np.arange(len(labels)), labels].mean()),
        "size": float(sizes.mean()),
        "sizes": (np.bincount(sizes, minlength=answers.shape[1] + 1) / len(sizes)).tolist(),
    }


def sets_of(task: Task, answers: np.ndarray, limit: float) -> np.ndarray:
    """Which labels are in the set of each record, bool (N, K), with a threshold as `conformal` has it."""
    sets: np.ndarray = 1.0 - answers <= limit
    sets[np.arange(len(answers)), task.likeliest(answers)] = True
    return sets


def resampled(
    task: Task,
    labels: np.ndarray,
    answers: np.ndarray,
    held_out: tuple[np.ndarray, np.ndarray],
    promise: float = PROMISE,
) -> Resampled:
    """The coverage in `DIVISIONS` random divisions of all these records, as many of them held out as were.

    One division's coverage is off by chance, with a few hundred records by points; their mean is hardly.

    Returns:
        `mean`, and `low` and `high`, between which nine of ten lie.
    """
    every, said = np.concatenate([held_out[0], labels]), np.concatenate([held_out[1], answers])
    random, found = np.random.default_rng(0), []
    for _ in range(DIVISIONS):
        order = random.permutation(len(every))
        theirs, ours = order[: len(held_out[0])], order[len(held_out[0]) :]
        found.append(conformal(task, every[ours], said[ours], (every[theirs], said[theirs]), promise)["coverage"])
    low, high = np.percentile(found, [5, 95])
    return {"mean": float(np.mean(found)), "low": float(low), "high": float(high), "divisions": DIVISIONS}


def bounded(widths: np.ndarray) -> list[float | None]:
    """The widths as JSON has them; None where there were too few records for a finite one."""
    return [float(width) if np.isfinite(width) else None for width in widths]
