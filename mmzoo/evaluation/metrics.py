"""Predictions and metrics of a model, for any subset of its modalities."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mmzoo.spec import Spec

BATCH = 128


@lru_cache(maxsize=4)
def compiled(model: keras.Model) -> Any:
    """`model` for inference as one graph; kept, because tracing a model costs seconds."""
    signature = keras.tree.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), model.input)
    return tf.function(lambda inputs: model(inputs, training=False), input_signature=[signature], autograph=False)


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
    """The metrics of all tasks on the examples whose label is known.

    Their names carry the task's where there is more than one.
    """
    found = {}
    for task in spec.tasks:
        known = np.asarray(task.known(labels[task.name]))
        for name, value in task.metrics(labels[task.name][known], predictions[task.name][known]).items():
            found[name if len(spec.tasks) == 1 else f"{task.name}_{name}"] = round(value, 6)
    return found


def primary(spec: Spec) -> str:
    """The name in `metrics` that stands for the model: the first task's."""
    task = spec.tasks[0]
    return task.primary_metric if len(spec.tasks) == 1 else f"{task.name}_{task.primary_metric}"


def subsets(spec: Spec) -> list[tuple[str, ...]]:
    """All non-empty subsets of the inputs, the small ones first."""
    names = spec.input_names
    return [chosen for size in range(1, len(names) + 1) for chosen in combinations(names, size)]


def only(inputs: dict[str, Any], spec: Spec, chosen: tuple[str, ...]) -> dict[str, Any]:
    """The same examples with only the `chosen` modalities present."""
    keep = np.array([name in chosen for name in spec.input_names])
    return {**inputs, "present": inputs["present"] & keep}


def predict_subsets(model: keras.Model, spec: Spec, inputs: dict[str, Any]) -> dict[str, dict[str, np.ndarray]]:
    """The predictions with every subset of the modalities, by `"image+name"`.

    An example that has none of a subset is answered from the learned embeddings alone.
    """
    return {"+".join(chosen): finish(spec, run_model(model, only(inputs, spec, chosen))) for chosen in subsets(spec)}
