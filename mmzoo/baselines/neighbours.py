"""The nearest training records."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mmzoo.baselines import baselines
from mmzoo.baselines.answers import as_answer
from mmzoo.baselines.base import Answers, Model, Problem
from mmzoo.baselines.blocks import Matrix

COUNTS = (1, 5, 20)


@baselines.register("neighbours", words="k nearest neighbours on {inputs}")
class Neighbours(Model):
    """The mean label of the k nearest training records, by their distance; k by the validation records."""

    place: ClassVar[int] = 20

    def fit(self, problem: Problem) -> Answers:
        from sklearn.neighbors import NearestNeighbors

        features, names, targets = problem.features, problem.names, problem.train.targets
        trained = features.reduced(problem.train.records, names)
        counts = [k for k in COUNTS if k <= len(trained)]
        found = NearestNeighbors(n_neighbors=counts[-1]).fit(trained)

        def answers(matrix: Matrix, count: int) -> np.ndarray:
            away, places = found.kneighbors(matrix, n_neighbors=count)
            near = 1.0 / (away + 1e-6)
            return as_answer(problem, (near[..., None] * targets[places]).sum(axis=1) / near.sum(axis=1)[:, None])

        held_out = features.reduced(problem.validation.records, names)
        best = max(counts, key=lambda count: problem.better(answers(held_out, count)))
        return lambda records: answers(features.reduced(records, names), best)
