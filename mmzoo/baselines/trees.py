"""Gradient-boosted trees."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from typing import ClassVar, Self

import numpy as np

from mmzoo.aliases import Untyped
from mmzoo.baselines import baselines
from mmzoo.baselines.answers import as_answer, fit_each
from mmzoo.baselines.base import Answers, Model, Problem

MOST, STEP, PATIENCE = 600, 15, 4
WIDEST = 256  # columns of a block above which its main directions stand for it
RATE = 0.1


class Boosted:
    """An estimator that can be fitted further, and answers as it did after some of its iterations.

    stage: how many of them; all, if None.
    """

    def __init__(self, estimator: Untyped) -> None:
        self.estimator = estimator
        self.stage: int | None = None

    def fit(self, matrix: np.ndarray, labels: np.ndarray) -> Self:
        """With `STEP` iterations more."""
        self.estimator.set_params(max_iter=getattr(self.estimator, "n_iter_", 0) + STEP)
        self.estimator.fit(matrix, labels)
        return self

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        return self._last("predict", matrix)

    def predict_proba(self, matrix: np.ndarray) -> np.ndarray:
        return self._last("predict_proba", matrix)

    def _last(self, what: str, matrix: np.ndarray) -> np.ndarray:
        if self.stage is None:
            return np.asarray(getattr(self.estimator, what)(matrix))
        return np.asarray(next(islice(getattr(self.estimator, f"staged_{what}")(matrix), self.stage - 1, None)))


@baselines.register("trees", words="boosted trees on {inputs}")
class Trees(Model):
    """Histogram-based gradient boosting (Friedman 2001), stopped by the loss on the validation records."""

    place: ClassVar[int] = 40

    def fit(self, problem: Problem) -> Answers:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        features, names = problem.features, problem.names
        matrix = features.plain(problem.train.records, names, widest=WIDEST)
        held_out = features.plain(problem.validation.records, names, widest=WIDEST)
        options = {
            "learning_rate": RATE,
            "early_stopping": False,
            "warm_start": True,
            "min_samples_leaf": int(np.clip(len(matrix) // 100, 3, 20)),
            "l2_regularization": 1.0,
            "random_state": problem.seed,
        }
        made: list[Boosted] = []
        best, best_stage, stage, needed = np.inf, 0, 0, 0.0
        while stage < MOST and stage - best_stage < PATIENCE * STEP and not (stage and problem.clock.left < needed):
            began, again = time.monotonic(), iter([*made])

            def boosted(estimator: Callable[..., object], again: Untyped = again) -> Boosted:
                found = next(again, None)
                if found is None:
                    made.append(found := Boosted(estimator(**options)))
                return found

            predict = fit_each(
                problem,
                matrix,
                lambda boosted=boosted: boosted(HistGradientBoostingClassifier),  # type: ignore[misc]
                lambda boosted=boosted: boosted(HistGradientBoostingRegressor),  # type: ignore[misc]
            )
            stage += STEP
            loss = problem.loss(as_answer(problem, predict(held_out)))
            if loss < best:
                best, best_stage = loss, stage
            needed = time.monotonic() - began
        for each in made:
            each.stage = best_stage
        return lambda records: as_answer(problem, predict(features.plain(records, names, widest=WIDEST)))
