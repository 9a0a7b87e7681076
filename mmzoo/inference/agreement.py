"""Along which directions of a retrieval's space two inputs tell the same of a record, and how far.

What an input says and no other one does is noise to a comparison of both. Among records such noise is as it was in
training; words that no record has, such as the labels of a zero-shot classification, bring another, and are told by
what agrees. A correlation knows nothing of how much a direction varies: what varies little counts as much.
"""

from __future__ import annotations

from itertools import combinations

import keras
import numpy as np

from mmzoo.inference.embed import inputs_of
from mmzoo.inference.rarity import unit
from mmzoo.layers.nearness import Joined, Rarity
from mmzoo.names import single_output
from mmzoo.tasks.base import Task
from mmzoo.tasks.common.searched import Searched

LEAST = 1e-9  # that varies
POWERS = (1.0, 0.75, 0.5, 0.25, 0.0)
MOST = 1000  # validation records


def fit_agreement(
    model: keras.Model,
    task: Searched,
    train: dict[str, np.ndarray],
    outputs: dict[str, np.ndarray],
    labels: np.ndarray,
) -> None:
    """Set the directions of the layer `Joined` of a task by training records, and the agreement by validation records.

    Directions are the axes of the covariances between inputs, of which those of the training records are the ones that
    training has made. How far they hold elsewhere only other records say. The correlations count to the largest of
    some powers with which right pairs are told from wrong ones as well as without them, so that nothing is lost.

    Args:
        train: the model's outputs for training records, and its `outputs` for validation records.
        labels: of the validation records, encoded.
    """
    layer, rare = joined(model, task), [each for each in model.layers if isinstance(each, Rarity)]
    if layer is None:
        return
    bank, looked = (vectors(task, each, bool(rare)) for each in (train, outputs))
    directions = axes(bank)
    found = np.ones(layer.agreement.shape, np.float32)
    for (a, one), (b, other) in combinations(enumerate(looked.values()), 2):
        x, y = one @ directions, other @ directions
        found[a, b] = found[b, a] = as_safe(agreement(x, y), x, y, labels[:, [a, b]])
    layer.directions.assign(directions)
    layer.agreement.assign(found)


def agreement_of(model: keras.Model, task: Task, one: str, other: str) -> np.ndarray:
    """What vectors of two inputs are multiplied with to be compared by what agrees, float (D, D').

    Of a model that does not know, the identity.
    """
    layer = joined(model, task)
    if layer is None:
        return np.eye(task.units)
    inputs = inputs_of(task)
    a, b = inputs.index(one), inputs.index(other)
    return np.asarray(layer.directions.numpy() * layer.agreement.numpy()[a, b])


def joined(model: keras.Model, task: Task) -> Joined | None:
    """The layer that joins the vectors of a task, if it has one."""
    return next((each for each in model.layers if isinstance(each, Joined) and each.task == task.name), None)


def vectors(task: Searched, outputs: dict[str, np.ndarray], rare: bool) -> dict[str, np.ndarray]:
    """By input, float (N, D), NaN where a record has none; the last number 0, where that is how rare it is."""
    found = {}
    for name in task.inputs:
        each = outputs[single_output(task.name, name)].astype(np.float64)
        there = np.asarray(each.any(axis=1))
        if rare:
            each[:, -1] = 0.0
        found[name] = np.where(there[:, None], each, np.nan)
    return found


def axes(bank: dict[str, np.ndarray]) -> np.ndarray:
    """Orthogonal directions, float (D, D), the columns: those of the mean covariance of all pairs of inputs."""
    total = 0.0
    for one, other in combinations(bank.values(), 2):
        x, y = paired(one, other)
        between = x.T @ y / max(len(x), 1)
        total = total + between + between.T
    return np.asarray(np.linalg.eigh(total)[1])


def agreement(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The correlation of each number of two inputs, float (D,), less what chance makes of so few records; 0 or more."""
    x, y = paired(one, other)
    if len(x) < 2:
        return np.ones(x.shape[1])
    spread = np.sqrt(np.square(x).mean(axis=0) * np.square(y).mean(axis=0))
    r = (x * y).mean(axis=0) / np.maximum(spread, LEAST)
    found = np.sqrt(np.maximum(r * np.abs(r) - 1.0 / len(x), 0.0))
    return found if found.any() else np.ones(len(found))


def as_safe(weights: np.ndarray, one: np.ndarray, other: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The weights (D,) to the largest power with which pairs are told apart no worse than with all alike.

    Args:
        one, other: vectors of the same records, float (N, D), NaN where there is none.
        groups: what each of them holds, int (N, 2).
    """
    rows = np.flatnonzero(np.isfinite(one[:, 0]) & np.isfinite(other[:, 0]))
    rows = rows[:: max(len(rows) // MOST, 1)]
    told = [separation(one[rows] * weights**power, other[rows] * weights**power, groups[rows]) for power in POWERS]
    return np.asarray(weights ** next(power for power, each in zip(POWERS, told, strict=True) if each >= told[-1]))


def separation(one: np.ndarray, other: np.ndarray, groups: np.ndarray) -> float:
    """How often the cosine of a right pair is larger than that of a wrong one with one of the two, from 0 to 1.

    Unlike a rank among the nearest this tells how far apart things are that are unlike, as labels are.
    """
    cosines = unit(one) @ unit(other).T
    own = np.diag(cosines)
    wrong = (groups[:, None] != groups[None]).all(axis=2)
    below = (cosines < own[:, None]).astype(float) + (cosines < own[None])
    return float((below * wrong).sum() / max(2 * wrong.sum(), 1))


def paired(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows that are there in both, without their means."""
    both = np.isfinite(one[:, 0]) & np.isfinite(other[:, 0])
    x, y = one[both], other[both]
    return x - x.sum(axis=0) / max(len(x), 1), y - y.sum(axis=0) / max(len(y), 1)
