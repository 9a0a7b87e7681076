"""How good predictions are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmzoo.spec import Spec
from mmzoo.tasks.base import Task


def metrics(
    spec: Spec, predictions: dict[str, np.ndarray], labels: dict[str, np.ndarray], asked: Sequence[str] = ()
) -> dict[str, float]:
    """The metrics of all tasks on the examples whose label is known; those of a task without any are left out.

    Their names carry the task's where there is more than one.

    Args:
        asked: the inputs that the predictions are made of; all, if not given.
    """
    found: dict[str, float] = {}
    for task in spec.tasks:
        found |= task_metrics(spec, task, predictions, labels, asked)
    return found


def task_metrics(
    spec: Spec,
    task: Task,
    predictions: dict[str, np.ndarray],
    labels: dict[str, np.ndarray],
    asked: Sequence[str] = (),
) -> dict[str, float]:
    """Those of one task, as `metrics` has them."""
    known = np.asarray(task.known(labels[task.name]))
    if not known.any():
        return {}
    answers = {name: predictions[name][known] for name in task.answer_outputs}
    found = task.measured(labels[task.name][known], answers, asked)
    return {spec.metric_name(task, name): rounded(value) for name, value in found.items()}


def rounded(value: float) -> float:
    """A metric to six digits; an error may be in any unit."""
    return float(f"{value:.6g}")


def primary(spec: Spec) -> str:
    """The name in `metrics` that chooses the best epoch, and stands for a model beside others: the first task's."""
    return spec.metric_name(spec.tasks[0], spec.tasks[0].primary_metric)
