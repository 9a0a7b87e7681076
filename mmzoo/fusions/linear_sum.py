"""Sum of linear maps."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.errors import unknown
from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.tokens import Tokens

ACTIVATIONS = ("gelu", "linear", "relu", "tanh")


def check_activation(inputs: list[str], *, activation: str) -> None:
    """It is one that every export has."""
    if activation not in ACTIVATIONS:
        raise unknown("activation of fusion 'linear_sum' called", activation, ACTIVATIONS)


@fusions.register("linear_sum", check_activation, level="feature", absent="left out")
def linear_sum(tokens: dict[str, Tokens], present: Tensor, *, dim: int, activation: str = "gelu") -> Tensor:
    """Each modality's own linear map, added up: `activation(sum_m W_m x_m + b)` over the modalities that are present.

    The linear baseline of Ben-younes et al. 2019 (arXiv:1902.00038). With every
    modality present it is `concat` without dropout; an absent one adds nothing.

    Args:
        activation: "gelu", "linear", "relu" or "tanh".

    `Tokens` (B, T, dim) each -> (B, dim).
    """
    kept = [ops.where(present[:, index : index + 1], pooled(each), 0.0) for index, each in enumerate(tokens.values())]
    return keras.layers.Dense(dim, activation=activation, name="fusion.dense")(ops.concatenate(kept, axis=-1))
