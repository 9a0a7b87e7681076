"""Which candidates answer best together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmzoo.auto.choosing import Answers

ROUNDS = 10


def greedy(found: Mapping[str, Answers]) -> list[str]:
    """The candidates whose mean answer to the validation records is best, each as often as it was taken.

    Greedy selection with replacement (Caruana et al. 2004, "Ensemble selection from libraries of models"): the one
    that gains most is added until none gains. A single one where no second gains.
    """
    tasks = next(iter(found.values())).spec.tasks
    if any(task.tags.evidential for task in tasks):
        return []
    opinions = {
        name: {task.name: np.asarray(task.to_opinions(each.logits[task.name])) for task in tasks}
        for name, each in found.items()
    }
    like = next(iter(found.values()))
    taken: list[str] = []
    best = -np.inf

    def value(names: list[str]) -> float:
        means = {task.name: np.mean([opinions[name][task.name] for name in names], axis=0) for task in tasks}
        logits = {task.name: np.asarray(task.to_logits(means[task.name])) for task in tasks}
        return float(Answers(like.spec, logits, like.labels).scores.mean())

    for _ in range(ROUNDS):
        values = {name: value([*taken, name]) for name in found}
        name = max(values, key=lambda each: values[each])
        if values[name] <= best:
            break
        best = values[name]
        taken.append(name)
    return taken
