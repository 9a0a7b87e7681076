"""Predictions and metrics of a model, for any subset of its modalities."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mmzoo.spec import Spec

BATCH = 128


@lru_cache(maxsize=16)
def compiled(model: keras.Model) -> Any:
    """`model` for inference as one graph; kept, because tracing a model costs seconds."""
    signature = keras.tree.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), model.input)
    call = tf.function(lambda inputs: model(inputs, training=False), input_signature=[signature], autograph=False)
    call.get_concrete_function()  # TensorFlow takes the first calls of several models for one that is traced too often
    return call


def run_model(model: keras.Model, inputs: dict[str, Any]) -> dict[str, np.ndarray]:
    """The model's outputs (logits) for all examples, in batches. `inputs` are what `model` takes."""
    call = compiled(model)
    parts = []
    for start in range(0, len(inputs["present"]), BATCH):
        batch = keras.tree.map_structure(lambda a, s=start: tf.constant(a[s : s + BATCH]), inputs)
        parts.append(call(batch))
    return {name: np.concatenate([part[name].numpy() for part in parts]) for name in parts[0]}


def finish(spec: Spec, outputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Each task's answer from the model's outputs: probabilities, numbers."""
    return {task.name: np.asarray(task.finish(outputs[task.name])) for task in spec.tasks}


def metrics(spec: Spec, predictions: dict[str, np.ndarray], labels: dict[str, np.ndarray]) -> dict[str, float]:
    """The metrics of all tasks on the examples whose label is known; those of a task without any are left out.

    Their names carry the task's where there is more than one.
    """
    found = {}
    for task in spec.tasks:
        known = np.asarray(task.known(labels[task.name]))
        if not known.any():
            continue
        for name, value in task.metrics(labels[task.name][known], predictions[task.name][known]).items():
            found[spec.metric_name(task, name)] = round(value, 6)
    return found


def primary(spec: Spec) -> str:
    """The name in `metrics` that stands for the model: the first task's."""
    return spec.metric_name(spec.tasks[0], spec.tasks[0].primary_metric)


def subsets(spec: Spec) -> list[tuple[str, ...]]:
    """All non-empty subsets of the inputs, the small ones first."""
    names = spec.input_names
    return [chosen for size in range(1, len(names) + 1) for chosen in combinations(names, size)]


def presence_of(spec: Spec, present: np.ndarray, chosen: Sequence[str]) -> np.ndarray:
    """`present` bool (N, M) of the same examples with only the `chosen` modalities."""
    return present & np.array([name in chosen for name in spec.input_names])
