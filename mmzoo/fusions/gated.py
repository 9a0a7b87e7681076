"""Gated multimodal unit."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.tokens import Tokens


@fusions.register("gated", level="feature", absent="learned embedding")
def gated(tokens: dict[str, Tokens], present: Any, *, dim: int) -> Any:
    """Each modality through a gate that sees all of them (GMU; Arevalo et al. 2017, arXiv:1702.01992).

    `h_m = tanh(W_m x_m)`, `z_m = sigmoid(V_m [x_1; x_2; ...])`, result `sum_m z_m h_m` over what is present.
    The gates see an absent modality as its learned embedding.

    `Tokens` (B, T, dim) each -> (B, dim).
    """
    everything = ops.concatenate([pooled(t) for t in tokens.values()], axis=-1)
    total = 0.0
    for index, (name, each) in enumerate(tokens.items()):
        hidden = keras.layers.Dense(dim, activation="tanh", name=f"fusion_{name}_hidden")(pooled(each))
        gate = keras.layers.Dense(dim, activation="sigmoid", name=f"fusion_{name}_gate")(everything)
        total = total + ops.where(present[:, index : index + 1], gate * hidden, 0.0)
    return total
