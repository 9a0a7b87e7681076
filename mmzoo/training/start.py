"""What a retrieval begins with: the directions along which its inputs agree in the training records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmzoo.inference.running import run_model
from mmzoo.layers import Near, Straight
from mmzoo.names import PRESENT
from mmzoo.spec import Spec
from mmzoo.tasks.correlations import Landmarks, correlations
from mmzoo.training.feeds.feed import Feed

if TYPE_CHECKING:
    import keras

MOST = 20_000  # records that are looked at


def start_vectors(model: keras.Model, spec: Spec, feed: Feed) -> list[str]:
    """Give the layers `Straight` of a model their first weights, in closed form; the tasks that have some.

    Args:
        model: that of the spec, or what `mmzoo.graph.cut.split` leaves of it, which takes what the feed gives.

    Raises:
        MMZooError: the feed's examples are not at hand.
    """
    started = []
    for task in spec.tasks:
        heads = model.parts.heads[task.name].single
        found = {name: layers for name, layers in heads.items() if any(isinstance(each, Straight) for each in layers)}
        if found:
            started.append(task.name)
            begin(model, spec, feed, found)
    return started


def begin(model: keras.Model, spec: Spec, feed: Feed, heads: dict[str, tuple[keras.layers.Layer, ...]]) -> None:
    """Set the weights of one task's layers `Near` and `Straight`; `heads` are, by input, those that these are among."""
    examples, _ = feed.sample(MOST)
    print(f"Finding where {' and '.join(heads)} agree in {len(examples['present']):,} training records.", flush=True)
    straight = {name: next(each for each in layers if isinstance(each, Straight)) for name, layers in heads.items()}
    near = {name: each for name, layers in heads.items() for each in layers if isinstance(each, Near)}
    features = {name: model.parts.arguments(near.get(name, layer))[0] for name, layer in straight.items()}
    outputs = run_model(model.parts.cut(model.input, {**features, PRESENT: model.parts.present}), examples)
    views, roots = {}, {}
    for name in heads:
        there = outputs[PRESENT][:, spec.input_names.index(name)]
        found = outputs[name].astype(np.float32)
        if name in near:
            landmarks = Landmarks.of(found[there], near[name].count)
            found, roots[name] = landmarks.nearness(found) @ landmarks.root, padded(landmarks.root, near[name].count)
            places = padded(landmarks.places, near[name].count)
            near[name].set_weights([landmarks.centre, places.T, np.float32(landmarks.gamma)])
        views[name] = np.where(there[:, None], found, np.nan)
    for name, (kernel, bias) in correlations(views, next(iter(straight.values())).units).items():
        straight[name].set_weights([roots[name] @ kernel if name in roots else kernel, bias])


def padded(rows: np.ndarray, count: int) -> np.ndarray:
    """So many rows, the last ones zeros."""
    return np.pad(rows, ((0, count - len(rows)), (0, 0)))
