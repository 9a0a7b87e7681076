"""Estimators of scikit-learn as answers to a task, whatever kind its tags say that it is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmzoo.aliases import Untyped
from mmzoo.baselines.base import Problem
from mmzoo.baselines.blocks import Matrix

Predict = Callable[[Matrix], np.ndarray]
"""From a matrix (N, F) to predictions (N, K)."""


def fit_each(
    problem: Problem, matrix: Matrix, classifier: Callable[[], Untyped], regressor: Callable[[], Untyped]
) -> Predict:
    """One classifier of exclusive labels, one for each label that may or may not be, or a regressor for each number.

    Args:
        matrix: (N, F), of the training records.
        classifier, regressor: make an estimator that is not fitted.
    """
    labels, targets, tags = problem.train.encoded, problem.train.targets, problem.task.tags
    if tags.exclusive:
        return probabilities(classifier(), matrix, labels.astype(int), targets.shape[1])
    if not tags.numeric:
        each = [probabilities(classifier(), matrix, (column > 0.5).astype(int), 2) for column in targets.T]
        return lambda rows: np.stack([predict(rows)[:, 1] for predict in each], axis=1)
    # At mean 0 and deviation 1: how a loss or a penalty weighs must not hang on the unit.
    means, spread = targets.mean(axis=0), targets.std(axis=0) + 1e-12
    numbers = [regressor().fit(matrix, column) for column in ((targets - means) / spread).T]
    return lambda rows: np.stack([each.predict(rows) for each in numbers], axis=1) * spread + means


def probabilities(estimator: Untyped, matrix: Matrix, labels: np.ndarray, count: int) -> Predict:
    """A classifier's probabilities (N, count) of the labels 0 to `count` - 1: of those that it has not seen, none."""
    seen = np.unique(labels)
    if len(seen) > 1:
        estimator.fit(matrix, labels)

    def predict(rows: Matrix) -> np.ndarray:
        found = np.zeros((rows.shape[0], count))
        found[:, seen] = estimator.predict_proba(rows) if len(seen) > 1 else 1.0
        return found

    return predict


def as_answer(problem: Problem, predictions: np.ndarray) -> np.ndarray:
    """Predictions as the task has them, float32: probabilities from 0 to 1, numbers off their scale."""
    if not problem.task.tags.numeric:
        predictions = np.clip(predictions, 0.0, 1.0)
    else:
        predictions = np.asarray(problem.task.off_scale(predictions))
    return predictions.astype(np.float32)
