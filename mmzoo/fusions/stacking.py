"""A model on top of the modalities' answers."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.fusions import fusions
from mmzoo.fusions.decision_mean import opinions_of
from mmzoo.tasks.base import Task


@fusions.register("stacking", level="decision", absent="left out")
def stacking(logits: dict[str, Tensor], present: Tensor, *, task: Task, hidden: int = 32) -> Tensor:
    """What each modality answered and whether it is there, through a small network (Wolpert 1992).

    "Stacked Generalization". The answers of an absent modality are zeros, which no present one
    gives, and a flag says so. The network adds to the mean of the logits, where it starts from.

    Logits (B, K) each -> logits (B, K).
    """
    kept = ops.cast(present, "float32")[..., None]
    answers = opinions_of(logits, task) * kept
    flat = ops.reshape(answers, (-1, answers.shape[1] * answers.shape[2]))
    x = ops.concatenate([flat, kept[..., 0]], axis=-1)
    x = keras.layers.Dense(hidden, activation="gelu", name=f"fusion.{task.name}.hidden")(x)
    stacked = ops.stack(list(logits.values()), axis=1)
    mean = ops.sum(stacked * kept, axis=1) / ops.maximum(ops.sum(kept, axis=1), 1.0)
    return mean + keras.layers.Dense(task.units, name=f"fusion.{task.name}.stack")(x)
