"""What is found in closed form before the first step: where inputs agree, and what texts are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmzoo.inference.running import run_model
from mmzoo.layers.nearness import Near, Straight
from mmzoo.layers.text_chooser import Apart, TextChooser
from mmzoo.names import PRESENT
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task
from mmzoo.tasks.common.written import writes
from mmzoo.training.feeds.feed import Feed
from mmzoo.training.fitted.correlations import Landmarks, correlations
from mmzoo.training.fitted.ridge import ridge
from mmzoo.training.fitted.worded import word

if TYPE_CHECKING:
    import keras

    from mmzoo.graph.build import Multimodal

MOST = 20_000  # records that are looked at
BATCH = 256


def start_vectors(model: keras.Model, spec: Spec, feed: Feed, whole: Multimodal) -> list[str]:
    """Give the layers `Straight`, `TextChooser` and `Worded` of a model their first weights; the tasks that have some.

    Args:
        model: that of the spec, or what `mmzoo.graph.cut.split` leaves of it, which takes what the feed gives.
        whole: that of the spec.

    Raises:
        MMZooError: the feed's examples are not at hand.
    """
    started = []
    for task in spec.tasks:
        heads = model.parts.heads[task.name].single
        if choosers := [each for each in model.parts.heads[task.name].joined if isinstance(each, TextChooser)]:
            started.append(task.name)
            choose(model, spec, feed, task, choosers[0])
        found = {name: layers for name, layers in heads.items() if any(isinstance(each, Straight) for each in layers)}
        if found:
            started.append(task.name)
            begin(model, spec, feed, found)
        if word(model, spec, feed, task, whole):
            started.append(task.name)
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


def choose(model: keras.Model, spec: Spec, feed: Feed, task: Task, chooser: TextChooser) -> None:
    """Set the weights of a task's `Apart` and of what chooses, by `mmzoo.training.fitted.ridge`."""
    examples, labels = feed.sample(MOST)
    assert writes(task)
    ids = task.label_ids(labels[task.name])
    known = ids[:, 0, 0] > 0
    print(f"Finding what {chooser.count:,} texts are worth by {int(known.sum()):,} training records.", flush=True)
    single = model.parts.heads[task.name].single
    apart = {name: next(each for each in layers if isinstance(each, Apart)) for name, layers in single.items()}
    features = {name: model.parts.arguments(layer)[0] for name, layer in apart.items()}
    found = run_model(model.parts.cut(model.input, {**features, PRESENT: model.parts.present}), examples)
    rows = np.linspace(0, known.sum() - 1, next(iter(apart.values())).count).round().astype(int)
    for name, layer in apart.items():
        layer.hold(found[name][known].astype(np.float32), rows, found[PRESENT][known, spec.input_names.index(name)])
    read = model.parts.cut(model.input, {"near": model.parts.arguments(chooser)[0]})
    worth = ridge(run_model(read, examples)["near"][known], rows, targets_of(task, ids[known]))
    chooser.set_weights([worth.weights, worth.bias])


def targets_of(task: Task, ids: np.ndarray) -> np.ndarray:
    """How alike the right texts, int32 (N, R, tokens), and the choices are on average, float32 (N, C)."""
    sums: np.ndarray | float = 0.0
    for texts in ids.transpose(1, 0, 2):
        given = (texts[:, :1] > 0).astype(np.float32)
        parts = [np.asarray(task.alike(texts[k : k + BATCH])) for k in range(0, len(texts), BATCH)]  # type: ignore[attr-defined]
        sums = sums + np.concatenate(parts) * given
    return np.asarray(sums / np.maximum((ids[:, :, 0] > 0).sum(axis=1), 1)[:, None], np.float32)


def padded(rows: np.ndarray, count: int) -> np.ndarray:
    """So many rows, the last ones zeros."""
    return np.pad(rows, ((0, count - len(rows)), (0, 0)))
