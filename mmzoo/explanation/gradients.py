"""Attribution by gradients: integrated gradients and Grad-CAM, inside one tower of a model."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor, Tree, Untyped
from mmzoo.explanation.target import BATCH, Target, entry, repeated
from mmzoo.graph.parts import kept_on
from mmzoo.tasks.base import Task

FIRST_POINTS, MOST_POINTS = 32, 256
MEMORY = 2**29  # bytes of the gradients at all points
GAP = 0.005  # of the difference that is shared out; there are more points until it is reached


def score_gradient(model: keras.Model, name: str, at: keras.layers.Layer, task: Task) -> Untyped:
    """A graph: (what enters behind the layer `at`, see `entry`; an index) -> its logit (B,), and the gradient."""
    return kept_on(model, ("gradient", name, id(at), task.name), lambda: _score_gradient(model, name, at, task))


def _score_gradient(model: keras.Model, name: str, at: keras.layers.Layer, task: Task) -> Untyped:
    _into, onwards = entry(model, name, at)
    signature = keras.tree.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), onwards.input)

    @tf.function(input_signature=[signature, tf.TensorSpec((), tf.int32)], autograph=False)
    def run(inputs: dict[str, Tree], index: Tensor) -> tuple[Tensor, Tensor]:
        x = inputs[name][0] if isinstance(inputs[name], (list, tuple)) else inputs[name]
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = task.log_odds(onwards(inputs, training=False)[task.name], index)
        return score, tape.gradient(score, x)

    return run


def gradients(
    target: Target, name: str, at: keras.layers.Layer, x: np.ndarray, mask: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The logit of the case's answer (B,) and its gradient (B, ...) for each `x` at the layer `at`."""
    run = score_gradient(target.model, name, at, target.task)
    scores, slopes = [], []
    for start in range(0, len(x), BATCH):
        part = x[start : start + BATCH]
        here = part if mask is None else (part, repeated(mask, len(part)))
        inputs = {**target.tokens, name: here, "present": target.inputs["present"]}
        count = len(part)
        inputs = keras.tree.map_structure(lambda a, n=count: tf.constant(repeated(a, n)), inputs)
        score, slope = run(inputs, tf.constant(target.index))
        scores.append(score.numpy())
        slopes.append(slope.numpy())
    return np.concatenate(scores).astype(np.float64), np.concatenate(slopes).astype(np.float64)


def at_layer(target: Target, name: str, at: keras.layers.Layer) -> tuple[np.ndarray, np.ndarray | None]:
    """What the layer `at` makes of the record, float32 (1, ...), and its mask where it has one."""
    into, _onwards = entry(target.model, name, at)
    found = into({key: tf.constant(target.inputs[key]) for key in (name, "present")})[name]
    if isinstance(found, (list, tuple)):
        return np.asarray(found[0], np.float32), np.asarray(found[1])
    return np.asarray(found, np.float32), None


def integrated_gradients(
    target: Target,
    name: str,
    at: keras.layers.Layer,
    x: np.ndarray,
    baseline: np.ndarray,
    mask: np.ndarray | None = None,
) -> tuple[np.ndarray, float]:
    """The logit's difference from `baseline` to `x`, shared out over the elements (Sundararajan et al. 2017).

    arXiv:1703.01365: `(x - baseline) * mean of the gradient along the straight line`, by the trapezoidal rule. Between
    two points of the line it is known what the gradient should sum to, the difference of their scores; so further
    points are put where the rule is furthest from that, until the shares sum to the whole difference within `GAP`.

    Args:
        x, baseline: float32 (1, ...) at the layer `at`.

    Returns:
        The shares, float64 (...), and the gap: how far their sum is from the difference, as a share of it.
    """
    # A number that is missing (NaN) is so all along the path, and has no share.
    difference = np.nan_to_num(x - baseline)
    places = np.linspace(0.0, 1.0, FIRST_POINTS)
    scores, slopes = along(target, name, at, baseline, difference, places, mask)
    most = max(FIRST_POINTS, min(MOST_POINTS, MEMORY // max(difference.nbytes, 1)))
    whole = scores[-1] - scores[0]
    while True:
        widths = np.diff(places)
        rises = np.array([float((slope * difference[0]).sum()) for slope in slopes])
        missed = np.diff(scores) - widths * (rises[:-1] + rises[1:]) / 2
        gap = float(abs(missed.sum()) / max(abs(whole), 1e-2))
        if gap <= GAP or len(places) >= most:
            break
        worst = np.sort(np.argsort(-np.abs(missed))[: min(BATCH, most - len(places))])
        middle = (places[worst] + places[worst + 1]) / 2
        more, steeper = along(target, name, at, baseline, difference, middle, mask)
        places, scores = np.insert(places, worst + 1, middle), np.insert(scores, worst + 1, more)
        for place, slope in zip(worst[::-1].tolist(), steeper[::-1], strict=True):
            slopes.insert(place + 1, slope)
    weights = (np.append(widths, 0.0) + np.insert(widths, 0, 0.0)) / 2
    total = np.zeros(x.shape[1:])
    for weight, slope in zip(weights, slopes, strict=True):
        total += weight * slope
    return difference[0] * total, gap


def along(
    target: Target,
    name: str,
    at: keras.layers.Layer,
    baseline: np.ndarray,
    difference: np.ndarray,
    places: np.ndarray,
    mask: np.ndarray | None,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The logits (P,) at places from 0 to 1 of a line, and the gradients float32 (...) there, 0 where there is none."""
    scores, slopes = [], list[np.ndarray]()
    for first in range(0, len(places), BATCH):  # a batch at a time: the whole line of a large picture is gigabytes
        part = places[first : first + BATCH].astype(np.float32).reshape(-1, *[1] * (difference.ndim - 1))
        score, slope = gradients(target, name, at, baseline + part * difference, mask)
        scores.append(score)
        slopes += [*np.nan_to_num(slope).astype(np.float32)]
    return np.concatenate(scores), slopes


def grad_cam(target: Target, name: str, at: keras.layers.Layer) -> np.ndarray:
    """Where the map of the layer `at` speaks for the answer, float64 (H, W) from 0 to 1 (Selvaraju et al. 2017).

    arXiv:1610.02391: `relu(sum_c mean(gradient_c) * map_c)`, brought to a maximum of 1.
    """
    maps, _ = at_layer(target, name, at)
    _, slopes = gradients(target, name, at, maps, None)
    heat = np.maximum((slopes[0].mean(axis=(0, 1)) * maps[0]).sum(axis=-1), 0.0)
    return np.asarray(heat / max(heat.max(), 1e-12))
