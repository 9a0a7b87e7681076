"""How much it counts that a vector is rare: what lies near to much should not be found by whatever looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mmzoo.layers.nearness import SLOPE, Rarity
from mmzoo.names import single_output
from mmzoo.tasks.base import Task
from mmzoo.tasks.common.searched import Searched

if TYPE_CHECKING:
    import keras


TEMPERATURES = (5.0, 10.0, 20.0)
STRENGTHS = (0.0, 0.25, 0.5, 0.7, 1.0)
MOST = 1000  # validation records


class Counting(NamedTuple):
    """How much rarity counts for an input, see `Rarity`."""

    temperature: float
    strength: float


def layers_of(model: keras.Model, task: Task) -> dict[str, Rarity]:
    """The layers `Rarity` of a task, by input; none, where it has none."""
    heads = model.parts.heads[task.name].single
    return {name: layer for name, found in heads.items() for layer in found if isinstance(layer, Rarity)}


def fit_rarity(
    task: Searched,
    layers: dict[str, Rarity],
    bank: dict[str, np.ndarray],
    vectors: dict[str, np.ndarray],
    labels: np.ndarray,
) -> None:
    """Fill the layers of a task, by input: the bank from training records, the rest by what validation records find.

    An input's bank has for each record the mean of what the other inputs of it gave. Temperature and strengths are
    those of the best mean reciprocal rank over all directions; that of vectors without rarity is among them.

    Args:
        bank: by input, the vectors of training records, float (B, D), zeros where a record has none; see `plain`.
        vectors: of validation records, float (N, D), with their `labels`, encoded.
    """
    rows = slice(None, None, max(len(labels) // MOST, 1))
    vectors, labels = {name: each[rows] for name, each in vectors.items()}, labels[rows]
    banks = {name: others(bank, name, layer.count) for name, layer in layers.items()}
    apart = {
        (name, temperature): centred(common(each, banks[name], temperature), each)
        for name, each in vectors.items()
        for temperature in TEMPERATURES
    }

    def worth(tried: dict[str, Counting]) -> float:
        answers = {
            single_output(task.name, name): with_rarity(vectors[name], each.strength, apart[name, each.temperature][0])
            for name, each in tried.items()
        }
        return task.measured(labels, answers).get(task.score_name, 0.0)

    # First of all alike: beside one that counts nothing, no other says anything.
    ways = (Counting(temperature, strength) for strength in STRENGTHS for temperature in TEMPERATURES)
    best = max((dict.fromkeys(layers, each) for each in ways), key=worth)
    for name in layers:
        best = max((best, *({**best, name: best[name]._replace(strength=each)} for each in STRENGTHS)), key=worth)
    for name, layer in layers.items():
        numbers = best[name].temperature, apart[name, best[name].temperature][1], best[name].strength
        layer.set_weights([banks[name].T, *(np.float32(number) for number in numbers)])
    shown = ", ".join(f"{name} {each.strength:g}" for name, each in best.items())
    print(f"How much the rarity of a vector counts: {shown}.", flush=True)


def centred(values: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, float]:
    """Values (N,) of vectors (N, D) without their mean over those that are there, and that."""
    there = np.asarray(vectors.any(axis=1))
    middle = float(values[there].mean()) if there.any() else 0.0
    return values - middle, middle


def plain(outputs: dict[str, np.ndarray], task: Searched) -> dict[str, np.ndarray]:
    """The vectors of a task without their last number, by input, each of length 1; zeros where there is none."""
    return {name: unit(outputs[single_output(task.name, name)][:, :-1]) for name in task.inputs}


def others(bank: dict[str, np.ndarray], name: str, count: int) -> np.ndarray:
    """So many vectors of length 1, float (count, D): of each training record the mean of its other inputs'.

    Where there are fewer records, some come again.
    """
    found = unit(np.sum([each for other, each in bank.items() if other != name], axis=0))
    found = found[found.any(axis=1)]
    return np.asarray(found[np.linspace(0, len(found) - 1, count).round().astype(int)])


def common(vectors: np.ndarray, bank: np.ndarray, temperature: float) -> np.ndarray:
    """How common each vector (N, D) is, float (N,), see `Rarity`."""
    near = vectors @ bank.T
    most = near.max(axis=1)
    return np.asarray(most + np.log(np.exp(temperature * (near - most[:, None])).mean(axis=1)) / temperature)


def with_rarity(vectors: np.ndarray, strength: float, apart: np.ndarray) -> np.ndarray:
    """What `Rarity` makes of vectors (N, D), float (N, D + 1); zeros stay zeros."""
    rare = np.where(vectors.any(axis=1), strength * (1.0 - SLOPE * apart), 0.0)[:, None]
    return unit(np.concatenate([vectors, rare], axis=1))


def unit(x: np.ndarray) -> np.ndarray:
    """Rows of length 1; zeros stay zeros."""
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9))
