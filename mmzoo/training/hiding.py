"""Parts of inputs are hidden on their way to the model, for tasks that rebuild them."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from mmzoo.aliases import Tensor, Tree
from mmzoo.draws import keys_of
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
