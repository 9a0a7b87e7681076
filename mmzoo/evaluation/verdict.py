"""Was fusing worth it? The fused model against the best modality and the best pair, in numbers and in a sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from mmzoo.evaluation.statistics import interval, paired_test
from mmzoo.tasks.base import Task

MARGIN = 0.01


@dataclass(frozen=True)
class Gain:
    """What one set of predictions adds to another on the same examples: the mean of `score`, in the task's unit.

    Args:
        over: what it is compared with.
        gain: mean difference; above 0 the first is better.
        low, high: its 95 % bootstrap interval.
        test, p: which paired test, and its two-sided p.
        margin: a difference that does not matter, see `margin_of`.
    """

    over: str
    gain: float
    low: float
    high: float
    test: str
    p: float
    margin: float

    @property
    def equivalent(self) -> bool:
        """Does the whole interval lie within the margin? Only then are the two as good as one another.

        Two one-sided tests (TOST; Schuirmann 1987), each at 2.5 %: an interval that merely holds 0 may be a wide one.
        """
        return -self.margin <= self.low and self.high <= self.margin

    @property
    def significance(self) -> int:
        """1 where it is better, -1 where it is worse, 0 where the interval holds both."""
        return int(self.low > 0) - int(self.high < 0)

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def margin_of(task: Task, others: np.ndarray) -> float:
    """What difference of scores does not matter: a point of a share, a hundredth of the mean error `others` of numbers.

    Args:
        others: scores of what is compared with, float (N,).
    """
    return MARGIN if task.score_is_share else MARGIN * float(np.abs(others).mean())


def gain(task: Task, over: str, scores: np.ndarray, others: np.ndarray) -> Gain:
    """Compare `scores` with `others`, both float (N,), example by example."""
    differences = scores - others
    low, high = interval(differences)
    test, p = paired_test(differences)
    return Gain(over, float(differences.mean()), low, high, test, p, margin_of(task, others))


def sentence(task: Task, single: Gain, pair: Gain | None) -> str:
    """The verdict: what fusion adds to the best single modality, and how it stands to the best pair."""
    over = f"{single.over} alone"
    if single.significance > 0:
        said = f"Fusion helps: it gains {amount(task, single)} over {over} ({span(task, single)})"
    elif single.significance < 0:
        said = f"Fusion hurts here: it loses {amount(task, single)} against {over} ({span(task, single)})"
    elif single.equivalent:
        said = f"Fusion makes no difference here: {over} is as good, {within(task, single)}"
    else:
        said = f"Fusion is not shown to be better than {over} here (difference {span(task, single)})"
    if pair is None:
        return f"{said}."
    two = pair.over.replace("+", " + ")
    if pair.significance > 0:
        return f"{said}, and {amount(task, pair)} over the best pair, {two}."
    if pair.significance < 0:
        return f"{said}; the pair {two} does better, by {amount(task, pair)} ({span(task, pair)})."
    if pair.equivalent:
        return f"{said}; the pair {two} is as good as all of them, {within(task, pair)}."
    return f"{said}; all of them are not shown to be better than the pair {two} (difference {span(task, pair)})."


def within(task: Task, found: Gain) -> str:
    """By how much at most two differ, in words."""
    return f"within {task.difference_words(found.margin)} ({span(task, found)})"


def amount(task: Task, found: Gain) -> str:
    """The size of a difference in words."""
    return task.difference_words(found.gain)


def span(task: Task, found: Gain) -> str:
    """The interval of a difference in words."""
    return task.interval_words(found.low, found.high)
