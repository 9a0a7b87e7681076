"""The weighted mean of the modalities' answers."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Shape, Tensor
from mmzoo.fusions import fusions
from mmzoo.fusions.decision_mean import opinions_of
from mmzoo.tasks.base import Task
from mmzoo.tokens import masked_softmax


@keras.saving.register_keras_serializable("mmzoo")
class ModalityWeights(keras.layers.Layer):
    """One learned score a modality; `present` (B, M) -> weights (B, M) that sum to 1 over what is present."""

    def build(self, shape: Shape) -> None:
        self.scores = self.add_weight(shape=(shape[-1],), initializer="zeros", name="scores")

    def call(self, present: Tensor) -> Tensor:
        return masked_softmax(ops.zeros_like(ops.cast(present, "float32")) + self.scores, present)


@fusions.register("decision_weighted", level="decision", absent="left out")
def decision_weighted(logits: dict[str, Tensor], present: Tensor, *, task: Task) -> Tensor:
    """A convex combination of the probabilities of what is present, one learned weight a modality.

    The linear opinion pool (Stone 1961); the weights are a softmax over learned scores, equal at first.

    Logits (B, K) each -> logits (B, K).
    """
    weights = ModalityWeights(dtype="float32", name=f"fusion.{task.name}.weights")(present)
    return task.from_opinions(ops.sum(opinions_of(logits, task) * weights[..., None], axis=1))
