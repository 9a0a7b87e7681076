"""Gradient-boosted decision trees for a task, fitted by scikit-learn and taken apart into plain arrays.

Small trees of half of the columns each, and a committee of several that each leave out a part of the records: on tables
of some hundred records that is worth more than any other choice (R2 of cars .88 in place of .84, of diabetes .38 in
place of .31, as good as a random forest's or better), and on large ones it costs nothing but time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.boosting.committee import Committee, Grown, Shape
from mmzoo.boosting.hiding import Hiding
from mmzoo.boosting.linear import Encoding

if TYPE_CHECKING:
    from mmzoo.tasks.base import Task

MANY = 50_000
"""Records from which a second thread of scikit-learn's gains something: with fewer ones the threads wait for each other
after every feature of every tree, and on a busy machine that takes many times what the work does."""


def scores_of(task: Task) -> int:
    """How many scores boosted trees have for a task: one for two labels, else one each; 0 if they cannot answer it."""
    tags = task.tags
    if task.target != "label" or tags.evidential or not (tags.probabilistic or tags.numeric):
        return 0
    if tags.exclusive:
        return 1 if len(task.answer_names) == 2 else len(task.answer_names)
    return task.units


@contextmanager
def few_threads(count: int) -> Iterator[None]:
    """Inside, libraries of linear algebra and OpenMP take one thread for so many records, unless they are `MANY`."""
    import sklearn.ensemble  # noqa: F401  only a library that is loaded already can be limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1 if count < MANY else None):
        yield


def grow(
    task: Task,
    matrix: np.ndarray,
    targets: np.ndarray,
    shape: Shape,
    encoding: Encoding | None = None,
    seed: int = 0,
    enough: Callable[[], bool] = lambda: False,
    say: Callable[[int, float], object] = lambda trees, loss: None,
    hiding: Hiding | None = None,
) -> list[Grown]:
    """Trees for each score of a task.

    Args:
        matrix: float32 (N, F), NaN where a number is missing.
        targets: of an exclusive task the places of the labels, int (N,); else float (N, K), numbers in deviations from
            their means, or 1 for each label that is right. Each must be known.
        encoding: of the linear part; without it there are trees alone.
        enough: is the time over? Asked now and then; what was grown by then is what there is.
        hiding: which cells trees are grown without too; none, if not given.
        say: is told how many trees each member has, and how far their answers to what they have not seen are off.
    """
    matrix = matrix.astype(np.float64)
    with few_threads(len(matrix)):
        if task.tags.exclusive:
            whole = Committee(matrix, targets.astype(int), scores_of(task), shape, encoding, seed, hiding)
            return whole.grow(enough, say)
        found = []
        for column in targets.T:
            labels = column if task.tags.numeric else (column > 0.5).astype(int)
            scores = 0 if task.tags.numeric else 1
            found += Committee(matrix, labels, scores, shape, encoding, seed, hiding).grow(enough, say)
        return found
