"""How good predictions are."""

from __future__ import annotations

import numpy as np

from mmzoo.spec import Spec


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
