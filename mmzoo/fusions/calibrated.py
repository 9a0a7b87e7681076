"""The modalities' answers, each trusted as far as validation data bears it out."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Shape, Tensor
from mmzoo.fusions import fusions
from mmzoo.tasks.base import Task


@keras.saving.register_keras_serializable("mmzoo")
class Confidence(keras.layers.Layer):
    """Weighs the modalities' logits (B, M, K) by how far they can be trusted; with `present` (B, M) -> (B, K).

    `confidence` (M,) does not train: it is fitted on validation data when training ends
    (`mmzoo.inference.calibrate`). Among labels it is 1 / temperature; among numbers 1 / variance.
    """

    def __init__(self, task: str, normalised: bool, **kwargs: object) -> None:
        """`task` is whose answers are weighed; are the weights of what is present `normalised`, as numbers need it?"""
        super().__init__(**kwargs)
        self.task, self.normalised = task, normalised

    def build(self, logits_shape: Shape, present_shape: Shape) -> None:
        self.confidence = self.add_weight(
            shape=(logits_shape[1],), initializer="ones", trainable=False, name="confidence"
        )

    def call(self, logits: Tensor, present: Tensor) -> Tensor:
        kept = ops.cast(present, logits.dtype)[..., None]
        weights = kept * self.confidence[None, :, None]
        total = weights if self.normalised else kept
        return ops.sum(logits * weights, axis=1) / ops.maximum(ops.sum(total, axis=1), 1e-9)


@fusions.register("calibrated", level="decision", absent="left out")
def calibrated(logits: dict[str, Tensor], present: Tensor, *, task: Task) -> Tensor:
    """Each modality's probabilities at its own temperature, then their normalised geometric mean.

    Temperatures are fitted on validation data (Guo et al. 2017, "On Calibration of Modern Neural
    Networks", arXiv:1706.04599); the pool is the logarithmic one (Genest & Zidek 1986). Numbers
    are averaged with the inverse of each modality's squared error as its weight.

    Logits (B, K) each -> logits (B, K).
    """
    stacked = ops.stack(list(logits.values()), axis=1)
    normalised = not task.tags.probabilistic
    return Confidence(task.name, normalised, dtype="float32", name=f"fusion.{task.name}.confidence")(stacked, present)
