"""EmbraceNet."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.tokens import Tokens


@fusions.register("embracenet", level="feature", absent="left out")
def embracenet(tokens: dict[str, Tokens], present: Tensor, *, dim: int, width: int = 256) -> Tensor:
    """In training each number is that of one modality, drawn anew (EmbraceNet; Choi & Lee 2019, arXiv:1904.09078).

    `relu(U_m x_m + b_m)` brings the modalities to one width, and each number of the result is that of one of those
    that are present, all with the same chance. Outside of training it is their mean, which is what the draws give on
    average, so that an answer does not change from one time to the next, as it would in the paper.

    `Tokens` (B, T, dim) each -> (B, width), zeros where nothing is present.

    Args:
        width: how many numbers the modalities are brought to.
    """
    docked = [
        keras.layers.Dense(width, activation="relu", name=f"fusion.{name}.docking")(pooled(each))
        for name, each in tokens.items()
    ]
    return Embracement(name="fusion.embracement")(ops.stack(docked, axis=1), present)


@keras.saving.register_keras_serializable("mmzoo")
class Embracement(keras.layers.Layer):
    """Each number is that of one modality that is present, drawn, in training, and their mean outside of it.

    float (B, M, D), bool (B, M) -> float (B, D), zeros where nothing is present.
    """

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, docked: Tensor, present: Tensor, training: bool = False) -> Tensor:
        there = ops.cast(present, docked.dtype)
        weights = (there / ops.maximum(ops.sum(there, axis=1, keepdims=True), 1.0))[..., None]
        if training:
            logits = ops.where(present, 0.0, -1e9)  # what is absent is never drawn
            chosen = keras.random.categorical(logits, docked.shape[-1], seed=self.seed_generator)  # (B, D)
            weights = ops.one_hot(chosen, docked.shape[1], axis=1, dtype=docked.dtype)
        return ops.sum(weights * ops.where(present[..., None], docked, 0.0), axis=1)
