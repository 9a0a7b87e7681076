"""Sum of linear maps."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.tokens import Tokens


@fusions.register("linear_sum", level="feature", absent="left out")
def linear_sum(tokens: dict[str, Tokens], present: Any, *, dim: int, activation: str = "relu") -> Any:
    """`act(W_1 x_1 + W_2 x_2 + ... + b)` over what is present (additive fusion; Baltrusaitis et al. 2019).

    Args:
        activation: a name that Keras knows: "relu", "tanh", "gelu" ...

    `Tokens` (B, T, dim) each -> (B, dim).
    """
    total = 0.0
    for index, (name, each) in enumerate(tokens.items()):
        # One bias for all: it stays whatever is absent.
        part = keras.layers.Dense(dim, use_bias=index == 0, name=f"fusion_{name}")
        zero = ops.where(present[:, index : index + 1], pooled(each), 0.0)
        total = total + part(zero)
    return keras.layers.Activation(activation, name="fusion_activation")(total)
