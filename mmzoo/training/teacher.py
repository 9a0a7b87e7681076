"""A trained model that another one learns from (Hinton, Vinyals & Dean 2015, arXiv:1503.02531)."""

from __future__ import annotations

import numpy as np

from mmzoo.data.records import Records, decode
from mmzoo.errors import require
from mmzoo.inference.running import run_model
from mmzoo.names import teacher_labels
from mmzoo.spec import Spec
from mmzoo.training.finished import load_finished


def lessons(teacher: str, spec: Spec, records: Records) -> dict[str, np.ndarray]:
    """The logits of a run's model for all records, by `teacher_labels(task)`, float32 (N, units).

    Args:
        teacher: the run's folder; its inputs may be others than the spec's, as long as the records have them.

    Raises:
        MMZooError: the folder has no model, or it was not asked what the spec asks.
    """
    model = load_finished(teacher)
    theirs = {task.name: task for task in model.spec.tasks}
    for task in spec.tasks:
        same = task.name in theirs and (theirs[task.name].units, theirs[task.name].labels) == (task.units, task.labels)
        require(same, f"The teacher '{teacher}' has no task '{task.name}' with the same labels; choose another.")
        require(
            theirs[task.name].evidential == task.evidential,
            f"Of the teacher '{teacher}' and task '{task.name}' one weighs evidence and the other does not; let both.",
        )
    for name in model.spec.input_names:
        require(name in records.columns, f"The teacher '{teacher}' needs input '{name}', which the records have not.")
    found = run_model(model, decode(model.spec, records))
    return {teacher_labels(task.name): found[task.name] for task in spec.tasks}
