"""Random forests."""

from __future__ import annotations

import time
from typing import ClassVar

import numpy as np

from mmzoo.baselines import baselines
from mmzoo.baselines.answers import as_answer
from mmzoo.baselines.base import Answers, Model, Problem

TREES, STEP = 300, 50


@baselines.register("forest", words="random forest on {inputs}")
class Forest(Model):
    """A random forest of 300 trees (Breiman 2001), of numbers as they are, the places of categories, and TF-IDF in 100
    directions."""

    place: ClassVar[int] = 30
    each: ClassVar[bool] = True

    def fit(self, problem: Problem) -> Answers:
        from sklearn.ensemble import RandomForestRegressor

        features, names = problem.features, problem.names
        matrix = features.plain(problem.train.records, names)
        # Of one-hot labels the variance that a split removes is the Gini impurity: it classifies, too.
        forest = RandomForestRegressor(
            n_estimators=0,
            max_features=1 / 3 if problem.task.tags.numeric else "sqrt",
            min_samples_leaf=2 if problem.task.tags.numeric else 1,
            warm_start=True,
            n_jobs=-1,
            random_state=problem.seed,
        )
        targets = problem.train.targets
        targets = targets[:, 0] if targets.shape[1] == 1 else targets
        needed = 0.0
        while forest.n_estimators < TREES and not (forest.n_estimators and problem.clock.left < needed):
            began = time.monotonic()
            forest.n_estimators += STEP
            forest.fit(matrix, targets)
            needed = time.monotonic() - began

        def answers(records: object) -> np.ndarray:
            found = forest.predict(features.plain(records, names))  # type: ignore[arg-type]
            return as_answer(problem, found.reshape(len(found), -1))

        return answers
