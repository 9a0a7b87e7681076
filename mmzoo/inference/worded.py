"""How much it counts what pictures and texts say in the words of classes, beside what training has taught."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmzoo.inference.rarity import unit
from mmzoo.layers.nearness import Beside
from mmzoo.names import single_output
from mmzoo.tasks.base import Task
from mmzoo.tasks.common.searched import Searched

if TYPE_CHECKING:
    import keras


SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
MOST = 1000  # validation records


def shares_of(model: keras.Model, task: Task) -> dict[str, Beside]:
    """The layers `Beside` of a task, by input; none, where it has none."""
    heads = model.parts.heads[task.name].single
    return {name: layer for name, found in heads.items() for layer in found if isinstance(layer, Beside)}


def fit_share(task: Searched, layers: dict[str, Beside], vectors: dict[str, np.ndarray], labels: np.ndarray) -> None:
    """Set the share of all of them to that of the best mean reciprocal rank over all directions.

    Args:
        vectors: by input, of validation records, float (N, D), without rarity; with their `labels`, encoded.
    """
    words = next(iter(layers.values())).width
    rows = slice(None, None, max(len(labels) // MOST, 1))
    vectors, labels = {name: each[rows] for name, each in vectors.items()}, labels[rows]

    def worth(share: float) -> float:
        answers = {
            single_output(task.name, name): beside(each[:, :-words], each[:, -words:], share)
            for name, each in vectors.items()
        }
        return task.measured(labels, answers).get(task.score_name, 0.0)

    best = max(SHARES, key=worth)
    for layer in layers.values():
        layer.share.assign(best)
    print(f"How much the words of classes count: {best:g}.", flush=True)


def beside(x: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """What `Beside` makes of vectors of any length, float (N, D + E)."""
    return unit(np.concatenate([unit(x), np.sqrt(share) * unit(other)], axis=1))
