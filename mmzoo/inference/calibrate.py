"""What is fitted on validation data when training has ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mmzoo.fusions.calibrated import Confidence
from mmzoo.spec import Spec
from mmzoo.tasks import Task
from mmzoo.tasks.classification import Classification
from mmzoo.tasks.labelled import Labelled


def calibrate(
    model: keras.Model, spec: Spec, outputs: dict[str, np.ndarray], labels: dict[str, Any], here: Any
) -> None:
    """Set how far each modality of a `calibrated` fusion is trusted, from its own logits on validation data.

    Args:
        outputs: the model's outputs on the validation examples, with `<task>.<input>` (N, K).
        here: bool (N, M), which modalities they have.
    """
    for layer in model.layers:
        if not isinstance(layer, Confidence):
            continue
        task = layer.task
        found = []
        for index, name in enumerate(spec.input_names):
            rows = here[:, index] & np.asarray(task.known(labels[task.name]))
            found.append(confidence(task, labels[task.name][rows], outputs[f"{task.name}.{name}"][rows]))
        layer.confidence.assign(found)


def confidence(task: Task, labels: np.ndarray, logits: np.ndarray) -> float:
    """1 / temperature of the least loss for labels, 1 / mean squared error for numbers; 1 without examples."""
    if not len(labels):
        return 1.0
    if not task.labels:
        return float(1.0 / max(np.mean((labels - logits) ** 2), 1e-6))
    from scipy.optimize import minimize_scalar

    # Smoothed labels, and objectives other than the likelihood, would ask for another confidence than the data do.
    plain = replace(task, objective="cross_entropy") if isinstance(task, Labelled) and not task.evidential else task
    plain = replace(plain, smoothing=0.0) if isinstance(plain, Classification) else plain

    def loss(log_scale: float) -> float:
        scaled = tf.constant(logits * np.float32(np.exp(log_scale)))
        if isinstance(plain, Classification):
            return float(-tf.reduce_mean(tf.gather(plain.log_chances(scaled), labels, axis=1, batch_dims=1)))
        return float(tf.reduce_mean(plain.loss(tf.constant(labels), scaled)))

    return float(np.exp(minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded").x))
