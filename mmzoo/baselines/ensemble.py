"""Late fusion: a weighted mean of what the other baselines answer."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import numpy as np

from mmzoo.baselines import baselines
from mmzoo.baselines.answers import as_answer
from mmzoo.baselines.base import Answers, Model, Problem

ROUNDS = 20


@baselines.register("ensemble", words="late fusion of baselines")
class Ensemble(Model):
    """The mean of the answers of others, those on one input among them, each as often as the validation records want.

    Greedy selection with replacement (Caruana et al. 2004, "Ensemble selection from libraries of models").
    """

    place: ClassVar[int] = 1000
    quick: ClassVar[bool] = True
    least: ClassVar[int] = 2

    def fit(self, problem: Problem) -> Answers:
        members = [each for each in problem.fitted if each.inputs]
        task = problem.task
        found = [task.on_scale(each.predict(problem.validation.records).astype(np.float64)) for each in members]
        taken: Counter[int] = Counter()
        total, best = np.zeros_like(found[0]), np.inf
        for count in range(1, ROUNDS + 1):
            losses = [problem.loss(task.off_scale((total + each) / count)) for each in found]
            place = int(np.argmin(losses))
            if losses[place] >= best:
                break
            best = losses[place]
            total += found[place]
            taken[place] += 1
        weights = {place: count / taken.total() for place, count in taken.items()}

        def answers(records: object) -> np.ndarray:
            parts = [weight * task.on_scale(members[place].predict(records)) for place, weight in weights.items()]  # type: ignore[arg-type]
            return as_answer(problem, np.sum(parts, axis=0))

        return answers
