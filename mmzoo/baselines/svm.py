"""Support vector machines."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from mmzoo.baselines import baselines
from mmzoo.baselines.answers import as_answer, fit_each
from mmzoo.baselines.base import Answers, Model, OutOfTimeError, Problem

COSTS = (1.0, 10.0)
MOST = 5000  # training records: its time grows with their square


class Margins:
    """A support vector classifier whose probabilities are a softmax of its margins.

    Those of Platt (1999), which scikit-learn has, take five times as long.
    """

    def __init__(self, **options: object) -> None:
        from sklearn.svm import SVC

        self.machine = SVC(decision_function_shape="ovr", **options)

    def fit(self, matrix: np.ndarray, labels: np.ndarray) -> Self:
        self.machine.fit(matrix, labels)
        return self

    def predict_proba(self, matrix: np.ndarray) -> np.ndarray:
        from scipy.special import softmax

        margins = self.machine.decision_function(matrix)
        both = np.stack([-margins, margins], axis=1) if margins.ndim == 1 else 2 * margins
        return np.asarray(softmax(both, axis=1))


@baselines.register("svm", words="support vectors on {inputs}")
class SupportVectors(Model):
    """A support vector machine with a Gaussian kernel (Cortes & Vapnik 1995), up to 5,000 training records; C by the
    validation records."""

    place: ClassVar[int] = 25
    each: ClassVar[bool] = True

    def fit(self, problem: Problem) -> Answers:
        from sklearn.svm import SVR

        features, names = problem.features, problem.names
        if len(problem.train.records) > MOST:
            raise OutOfTimeError
        matrix = features.reduced(problem.train.records, names)
        held_out = features.reduced(problem.validation.records, names)
        found = []
        for cost in COSTS:
            predict = fit_each(problem, matrix, lambda c=cost: Margins(C=c), lambda c=cost: SVR(C=c))  # type: ignore[misc]
            found.append((problem.better(as_answer(problem, predict(held_out))), predict))
        chosen = max(found, key=lambda pair: pair[0])[1]
        return lambda records: as_answer(problem, chosen(features.reduced(records, names)))
