"""A model's outputs for examples, and the answers that they stand for."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tree, Untyped
from mmzoo.graph.parts import kept_on
from mmzoo.spec import Spec

BATCH = 128


def compiled(model: keras.Model) -> Untyped:
    """`model` for inference as one graph; kept with the model, because tracing it costs seconds."""
    return kept_on(model, "compiled", lambda: _compiled(model))


def _compiled(model: keras.Model) -> Untyped:
    signature = keras.tree.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), model.input)
    call = tf.function(lambda inputs: model(inputs, training=False), input_signature=[signature], autograph=False)
    call.get_concrete_function()  # TensorFlow takes the first calls of several models for one that is traced too often
    return call


def run_model(model: keras.Model, inputs: dict[str, Tree]) -> dict[str, np.ndarray]:
    """The model's outputs (logits) for all examples, in batches. `inputs` are what `model` takes."""
    call = compiled(model)
    parts = []
    for start in range(0, len(inputs["present"]), BATCH):
        batch = keras.tree.map_structure(lambda a, s=start: tf.constant(a[s : s + BATCH]), inputs)
        parts.append(call(batch))
    return {name: np.concatenate([part[name].numpy() for part in parts]) for name in parts[0]}


def to_predictions(spec: Spec, outputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Each task's answer from the model's outputs: probabilities, numbers, vectors; see `Task.answers`."""
    return {name: np.asarray(answer) for task in spec.tasks for name, answer in task.answers(outputs).items()}
