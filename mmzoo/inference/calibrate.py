"""What is fitted on validation data when training has ended."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.fusions.calibrated import Confidence
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task


def calibrate(
    model: keras.Model, spec: Spec, outputs: dict[str, np.ndarray], labels: dict[str, Tensor], here: np.ndarray
) -> None:
    """Set how far each modality of a `calibrated` fusion is trusted, from its own logits on validation data.

    Args:
        outputs: the model's outputs on the validation examples, with `<task>.<input>` (N, K).
        here: bool (N, M), which modalities they have.
    """
    for layer in model.layers:
        if not isinstance(layer, Confidence):
            continue
        task = next(task for task in spec.tasks if task.name == layer.task)
        found = []
        for index, name in enumerate(spec.input_names):
            rows = here[:, index] & np.asarray(task.known(labels[task.name]))
            found.append(confidence(task, labels[task.name][rows], outputs[f"{task.name}.{name}"][rows]))
        layer.confidence.assign(found)


def confidence(task: Task, labels: np.ndarray, logits: np.ndarray) -> float:
    """1 / temperature of the least loss for labels, 1 / mean squared error for numbers; 1 without examples."""
    if not len(labels):
        return 1.0
    if task.tags.numeric:
        return float(1.0 / max(np.mean((labels - logits) ** 2), 1e-6))
    if not task.tags.probabilistic:
        return 1.0
    from scipy.optimize import minimize_scalar

    def loss(log_scale: float) -> float:
        scaled = tf.constant(logits * np.float32(np.exp(log_scale)))
        return float(tf.reduce_mean(task.negative_log_likelihood(tf.constant(labels), scaled)))

    return float(np.exp(minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded").x))
