"""What is fitted on validation records when training has ended: how far the model's probabilities are to be trusted.

A temperature T for each subset of the modalities (Guo et al. 2017, arXiv:1706.04599), found as `t = log T` by the least
`sum of -log p(label; T) + (t - c)^2 / (2 w^2)` over the records that have the subset. Few records say little of seven
or more temperatures, so that they are shrunk: first one is fitted for all subsets together, with `c = 0` and `w = 1`,
then each subset's with that one as `c` and `w = 0.25`. Sixteen records move a temperature a little, thousands all the
way to their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tree
from mmzoo.fusions.calibrated import Confidence
from mmzoo.graph.cut import presence_model
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.inference.subsets import evaluated_subsets, presence_of, run_presences
from mmzoo.inference.trust import fit_trust
from mmzoo.layers.nearness import Joined
from mmzoo.names import PRESENT, single_output, uncalibrated_output
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task

MOST_RECORDS = 2000  # a temperature is one number
MOST_NUMBERS = 50_000_000  # logits that are held at a time
WIDTH, SUBSET_WIDTH = 1.0, 0.25
BOUND, GRID = 3.0, 9  # of log T, in either direction; and how many of these are tried first

Answered = tuple[np.ndarray, np.ndarray]
"""Encoded labels that are known, and the logits (N, units) to the same records."""


def calibrate(model: keras.Model, spec: Spec, inputs: dict[str, Tree], labels: dict[str, np.ndarray]) -> None:
    """Fit what never trains on validation records: how vectors and a `calibrated` fusion weigh, then the temperatures.

    Args:
        model: that of the spec, or what `mmzoo.graph.cut.split` leaves of it; its temperatures are 1.
        inputs: what it takes, and the `labels` of the same records, encoded.
    """
    here = run_model(presence_model(model), inputs)[PRESENT]
    if layers := [layer for layer in model.layers if isinstance(layer, Confidence)]:
        weigh(layers, spec, run_model(model, inputs), labels, here)
    if joined := [layer for layer in model.layers if isinstance(layer, Joined) and layer.trust.shape[0] > 2]:
        fit_trust(joined, spec, to_predictions(spec, run_model(model, inputs)), labels)
    tasks = [task for task in spec.tasks if task.tags.probabilistic]
    if not tasks:
        return
    subsets = evaluated_subsets(spec)
    print(f"Fitting temperatures with {len(subsets)} subsets of the inputs on the validation records.")
    width = sum(tensor.shape[-1] for tensor in model.output.values()) * len(subsets)
    rows = spread(len(here), min(MOST_RECORDS, max(MOST_NUMBERS // width, 100)))
    inputs, here = keras.tree.map_structure(lambda a: a[rows], inputs), here[rows]
    found = run_presences(model, inputs, [presence_of(spec, here, chosen) for chosen in subsets])
    for task in tasks:
        layer, theirs = model.parts.heads[task.name].temperature, labels[task.name][rows]
        known = np.asarray(task.known(theirs))
        groups: dict[int, list[Answered]] = {}
        for chosen, outputs in zip(subsets, found, strict=True):
            asked = np.array([name in chosen for name in spec.input_names])
            kept = known & here[:, asked].all(axis=1)
            answered = theirs[kept], outputs[uncalibrated_output(task.name)][kept]
            groups.setdefault(int(layer.place(asked[None])[0]), []).append(answered)
        layer.temperatures.assign(temperatures(task, groups, layer.temperatures.shape[0]))


def weigh(
    layers: Sequence[Confidence],
    spec: Spec,
    outputs: dict[str, np.ndarray],
    labels: dict[str, np.ndarray],
    here: np.ndarray,
) -> None:
    """Set how far a `calibrated` fusion trusts each modality, from its own logits on validation data.

    Args:
        outputs: the model's outputs on the validation examples, with `<task>.<input>` (N, K).
        here: bool (N, M), which modalities they have.
    """
    for layer in layers:
        task = next(task for task in spec.tasks if task.name == layer.task)
        found = []
        for index, name in enumerate(spec.input_names):
            rows = here[:, index] & np.asarray(task.known(labels[task.name]))
            found.append(confidence(task, labels[task.name][rows], outputs[single_output(task.name, name)][rows]))
        layer.confidence.assign(found)


def confidence(task: Task, labels: np.ndarray, logits: np.ndarray) -> float:
    """1 / temperature for labels, 1 / mean squared error in deviations for numbers; 1 without examples."""
    if not len(labels):
        return 1.0
    if task.tags.numeric:
        return float(1.0 / max(np.mean(task.difference(np.asarray(task.to_predictions(logits)), labels) ** 2), 1e-6))
    return 1.0 / temperature(task, [(labels, logits)]) if task.tags.probabilistic else 1.0


def temperatures(task: Task, groups: dict[int, list[Answered]], count: int) -> np.ndarray:
    """Those of all places, float32 (count,): each group's own, shrunk to that of all groups; elsewhere that.

    Args:
        groups: by place, the answers with each subset that shares it.
    """
    shared = temperature(task, [each for group in groups.values() for each in group])
    found = np.full(count, shared, np.float32)
    found[[*groups]] = fitted(task, [*groups.values()], shared, SUBSET_WIDTH)
    return found


def temperature(task: Task, answers: Sequence[Answered], centre: float = 1.0, width: float = WIDTH) -> float:
    """The temperature of the least loss on several sets of answers to the same records, drawn to `centre`."""
    (found,) = fitted(task, [answers], centre, width)
    return float(found)


def fitted(task: Task, groups: Sequence[Sequence[Answered]], centre: float, width: float) -> np.ndarray:
    """The temperature of each group of answers, float (G,), all at once; `centre` where there are none.

    Args:
        groups: sets of answers to the same records, of which the mean counts, so that a record counts once however
            often it was answered.
        width: how far `log T` may be expected from that of the centre, as a standard deviation.
    """
    from scipy.optimize.elementwise import find_minimum

    sets = [[each for each in group if len(each[0])] for group in groups]
    found = np.full(len(groups), float(centre))
    asked = [(place, len(group), *each) for place, group in enumerate(sets) for each in group]
    if not asked:
        return found
    owners = np.concatenate([np.full(len(labels), place) for place, _, labels, _ in asked])
    shares = np.concatenate([np.full(len(labels), 1.0 / count) for _, count, labels, _ in asked])
    labels = tf.constant(np.concatenate([labels for *_, labels, _ in asked]))
    logits = tf.constant(np.concatenate([logits for *_, logits in asked]))

    def loss(logs: np.ndarray, places: np.ndarray) -> np.ndarray:
        each = np.ones(len(groups))
        each[places] = np.exp(logs)
        by = tf.constant(each[owners][:, None], logits.dtype)
        lost = np.asarray(task.negative_log_likelihood(labels, task.tempered(logits, by)), np.float64)
        total = np.bincount(owners, lost * shares, len(groups))[places]
        return np.asarray(total + (logs - np.log(centre)) ** 2 / (2 * width**2))

    places = np.flatnonzero([len(group) for group in sets])
    grid = np.linspace(-BOUND, BOUND, GRID)
    best = np.argmin([loss(np.full(len(places), each), places) for each in grid], axis=0)
    inside = (best > 0) & (best < GRID - 1)
    logs = grid[best]
    if inside.any():
        between = tuple(grid[best[inside] + step] for step in (-1, 0, 1))
        tolerances = {"xatol": 1e-5, "xrtol": 1e-5, "fatol": 0.0, "frtol": 1e-9}
        logs[inside] = find_minimum(loss, between, args=(places[inside],), tolerances=tolerances).x
    found[places] = np.exp(logs)
    return found


def spread(count: int, most: int) -> np.ndarray:
    """`most` of so many places at even distances, or all."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(int)
