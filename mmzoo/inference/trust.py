"""How much each input counts in the vector of several: what finds little alone should not outshout what finds much."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import keras
import numpy as np

from mmzoo.inference.embed import inputs_of
from mmzoo.layers.nearness import Joined
from mmzoo.names import single_output
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task

SHARES = (1.0, 0.5, 0.25, 0.125)
ROUNDS = 2  # over the inputs, one after the other
MOST = 1000  # records


def fit_trust(
    layers: Sequence[Joined], spec: Spec, answers: dict[str, np.ndarray], labels: dict[str, np.ndarray]
) -> None:
    """Set what each input's vector is multiplied with before they are added up, by the validation records.

    That with which two inputs find a third best, and so do all but one, on the average over all of these; the largest
    is 1.

    Args:
        answers: of the tasks, with the vectors `<task>.<input>` (N, dim), and `labels` of the same records, encoded.
    """
    for layer in layers:
        task = next(task for task in spec.tasks if task.name == layer.task)
        rows = slice(None, None, max(len(labels[task.name]) // MOST, 1))
        inputs = list(inputs_of(task))
        theirs = {name: answers[single_output(task.name, name)][rows] for name in inputs}
        trust = found(task, inputs, theirs, labels[task.name][rows])
        layer.trust.assign(trust)
        shown = ", ".join(f"{name} {share:g}" for name, share in zip(inputs, trust, strict=True))
        print(f"In the vector of several inputs each counts: {shown}.")


def trust_of(model: keras.Model, task: Task) -> dict[str, float]:
    """How much each input's vector counts beside others, as it was fitted; of a model without such vectors nothing."""
    layers = [layer for layer in model.layers if isinstance(layer, Joined) and layer.task == task.name]
    return {
        name: float(share) for layer in layers for name, share in zip(inputs_of(task), layer.trust.numpy(), strict=True)
    }


def found(task: Task, inputs: Sequence[str], vectors: dict[str, np.ndarray], labels: np.ndarray) -> np.ndarray:
    """The best weights, float (M,): of one input after the other that share of 1 which finds most."""
    singles = {single_output(task.name, name): each for name, each in vectors.items()}
    # In one order everywhere: a mean of the same numbers in another may differ in its last digit, and decide.
    several = dict.fromkeys(asked for size in (2, len(inputs) - 1) for asked in combinations(inputs, size))

    def worth(weights: np.ndarray) -> float:
        values = []
        for asked in several:
            joined = sum(weights[inputs.index(name)] * vectors[name] for name in asked)
            metrics = task.measured(labels, {**singles, task.name: joined}, asked)
            values += [metrics[task.score_name]] if metrics else []
        return float(np.mean(values)) if values else 0.0

    best = np.ones(len(inputs))
    most = worth(best)
    for _ in range(ROUNDS):
        for place in range(len(inputs)):
            for share in SHARES:
                weights = best.copy()
                weights[place] = share
                if (value := worth(weights)) > most:
                    best, most = weights, value
    return np.asarray(best / best.max())
