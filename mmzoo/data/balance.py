"""What makes rare labels count: a weight for each record, or drawing the rare ones more often."""

from __future__ import annotations

import numpy as np

from mmzoo.errors import MMZooError
from mmzoo.tasks.base import Task

RARE = 0.9  # of the records have one label: who always gives that one is nearly always right
MOST = 20  # times that the records of a rare label are drawn in one pass, at most


def weights_of(task: Task, labels: np.ndarray) -> np.ndarray:
    """The weight of each record, float32 (N,), 1 in the mean: `records / (labels * count of its label)`.

    Records whose label is missing have the weight 1: other tasks may know theirs.
    """
    groups, known = groups_of(task, labels)
    counts = np.bincount(groups[known], minlength=task.units)
    found = np.ones(len(labels), np.float32)
    found[known] = known.sum() / (np.count_nonzero(counts) * counts[groups[known]])
    return found


def is_skewed(task: Task, labels: np.ndarray) -> bool:
    """Have nearly all records the same label, so that accuracy does not see the others?"""
    return task.tags.exclusive and len(labels) > 0 and bool(np.bincount(labels.astype(int)).max() > RARE * len(labels))


def rows_of(task: Task, labels: np.ndarray) -> np.ndarray:
    """The rows of one pass, int64: each label about as often as the most frequent, up to `MOST` times its records."""
    groups, known = groups_of(task, labels)
    counts = np.bincount(groups[known], minlength=task.units)
    repeats = np.ones(len(labels), int)
    repeats[known] = np.clip(np.rint(counts.max() / counts[groups[known]]), 1, MOST)
    return np.repeat(np.arange(len(labels)), repeats)


def groups_of(task: Task, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The number of each record's label, and where it is known."""
    if not task.tags.exclusive:
        raise MMZooError(f"Task '{task.name}' has no single label to balance by; set training.balance=none.")
    known: np.ndarray = np.asarray(task.known(labels))
    return np.where(known, labels, 0).astype(int).reshape(len(labels)), known
