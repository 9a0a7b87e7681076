"""Parts of inputs are hidden on their way to the model, for tasks that rebuild them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor, Tree
from mmzoo.draws import keys_of
from mmzoo.inference.running import BATCH
from mmzoo.modalities.base import Modality
from mmzoo.spec import Spec
from mmzoo.training.methods.base import TrainingMethod


@dataclass
class Hiding(TrainingMethod):
    """What the tasks of a spec hide of its inputs, drawn anew for each example in each epoch."""

    spec: Spec

    def batch(
        self, inputs: dict[str, Tree], labels: Tree, weights: Tree, keys: Tensor, items: dict[str, Modality | None]
    ) -> tuple[dict[str, Tree], Tree, Tree]:
        """The inputs with parts of them hidden, and labels of these parts alone."""
        inputs, labels = {**inputs}, {**labels}
        for place, task in enumerate(self.spec.tasks):
            if task.hides:
                own = keys_of(place, keys, tf.zeros_like(keys))  # so that no two of them hide the same places
                hidden, wanted = task.hidden(inputs[task.hides], labels[task.name], own)
                inputs[task.hides], labels[task.name] = hidden, wanted
        return inputs, labels, weights


def hiding(spec: Spec) -> list[TrainingMethod]:
    """`Hiding`, where a task of the spec hides something."""
    return [Hiding(spec)] if any(task.hides for task in spec.tasks) else []


def partly_hidden(
    spec: Spec, inputs: dict[str, Tree], labels: dict[str, np.ndarray]
) -> tuple[dict[str, Tree], dict[str, np.ndarray]]:
    """Validation records with parts of them hidden, always the same, and labels of these parts alone.

    Where towers are to say what is hidden, the epoch that says that best is to be kept, and not the one that best
    repeats what it is shown.
    """
    tasks = [task for task in spec.tasks if task.hides]
    if not tasks:
        return inputs, labels
    (method,) = hiding(spec)
    keys = keys_of(0, tf.range(len(inputs["present"]), dtype=tf.int64), tf.constant(0, tf.int64))
    changed = {task.hides for task in tasks}
    parts = []
    for start in range(0, len(inputs["present"]), BATCH):
        rows = slice(start, start + BATCH)
        found = method.batch(
            {name: inputs[name][rows] for name in changed},
            {task.name: labels[task.name][rows] for task in tasks},
            None,
            keys[rows],
            {},
        )
        parts.append([{name: np.asarray(value) for name, value in side.items()} for side in found[:2]])
    hidden, wanted = ({name: np.concatenate([part[k][name] for part in parts]) for name in parts[0][k]} for k in (0, 1))
    return inputs | hidden, labels | wanted
