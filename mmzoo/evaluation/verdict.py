"""Was fusing worth it? The fused model against the best modality and the best pair, in numbers and in a sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmzoo.evaluation.statistics import interval, paired_test
from mmzoo.tasks.base import Task


@dataclass(frozen=True)
class Gain:
    """What one set of predictions adds to another on the same examples: the mean of `score`, in the task's unit.

    Args:
        over: what it is compared with.
        gain: mean difference; above 0 the first is better.
        low, high: its 95 % bootstrap interval.
        test, p: which paired test, and its two-sided p.
    """

    over: str
    gain: float
    low: float
    high: float
    test: str
    p: float

    @property
    def significance(self) -> int:
        """1 where it is better, -1 where it is worse, 0 where the interval holds both."""
        return int(self.low > 0) - int(self.high < 0)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def gain(over: str, scores: np.ndarray, others: np.ndarray) -> Gain:
    """Compare `scores` with `others`, both float (N,), example by example."""
    differences = scores - others
    low, high = interval(differences)
    test, p = paired_test(differences)
    return Gain(over, float(differences.mean()), low, high, test, p)


def sentence(task: Task, single: Gain, pair: Gain | None) -> str:
    """The verdict: what fusion adds to the best single modality, and how it stands to the best pair."""
    over = f"{single.over} alone"
    if single.significance > 0:
        said = f"Fusion helps: it gains {amount(task, single)} over {over} ({span(task, single)})"
    elif single.significance < 0:
        said = f"Fusion hurts here: it loses {amount(task, single)} against {over} ({span(task, single)})"
    else:
        said = f"Fusion does not clearly help here: {over} is about as good (difference {span(task, single)})"
    if pair is None:
        return f"{said}."
    two = pair.over.replace("+", " + ")
    if pair.significance > 0:
        return f"{said}, and {amount(task, pair)} over the best pair, {two}."
    if pair.significance < 0:
        return f"{said}; the pair {two} does better, by {amount(task, pair)} ({span(task, pair)})."
    return f"{said}; the pair {two} is about as good as all of them."


def amount(task: Task, found: Gain) -> str:
    """The size of a difference in words."""
    return task.difference_words(found.gain)


def span(task: Task, found: Gain) -> str:
    """The interval of a difference in words."""
    return task.interval_words(found.low, found.high)
