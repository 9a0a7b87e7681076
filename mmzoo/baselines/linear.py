"""Linear models."""

from __future__ import annotations

import time
from typing import ClassVar

from mmzoo.aliases import Untyped
from mmzoo.baselines import baselines
from mmzoo.baselines.answers import as_answer, fit_each
from mmzoo.baselines.base import Answers, Model, Problem

STRENGTHS = (1.0, 10.0, 100.0)
"""Of how little is regularised, as scikit-learn's `C`: rows have about length 1, whatever they are made of."""


@baselines.register("linear", words="linear on {inputs}")
class Linear(Model):
    """Logistic regression or ridge, on TF-IDF, one-hot categories and scaled numbers; C by the validation records."""

    place: ClassVar[int] = 10
    each: ClassVar[bool] = True

    def fit(self, problem: Problem) -> Answers:
        from sklearn.linear_model import LogisticRegression, Ridge

        matrix = problem.features.scaled(problem.train.records, problem.names)
        held_out = problem.features.scaled(problem.validation.records, problem.names)
        best: tuple[tuple[float, float], Untyped] | None = None
        needed = 0.0
        for strength in STRENGTHS:
            if best is not None and problem.clock.left < needed:
                break
            began = time.monotonic()
            predict = fit_each(
                problem,
                matrix,
                lambda c=strength: LogisticRegression(C=c, max_iter=200, tol=1e-3),  # type: ignore[misc]
                lambda c=strength: Ridge(alpha=10.0 / c),  # type: ignore[misc]
            )
            needed = time.monotonic() - began
            order = problem.better(as_answer(problem, predict(held_out)))
            if best is None or order > best[0]:
                best = order, predict
        assert best is not None
        chosen, features, names = best[1], problem.features, problem.names
        return lambda records: as_answer(problem, chosen(features.scaled(records, names)))
