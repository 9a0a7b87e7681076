"""Mixture of experts."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.tokens import Tokens


@fusions.register("mixture_of_experts", level="feature", absent="learned embedding")
def mixture_of_experts(
    tokens: dict[str, Tokens], present: Any, *, dim: int, experts: int = 4, dropout: float = 0.1
) -> Any:
    """Dense layers that each know a kind of example, and a gate that knows which (Jacobs et al. 1991).

    "Adaptive Mixtures of Local Experts": `sum_e softmax(G x)_e gelu(W_e x + b_e)` for `x = [x_1; x_2; ...]`, in
    which an absent modality is its learned embedding, and a flag for each modality tells the gate what is present.

    Args:
        experts: how many.
        dropout: share of x left out in training.

    `Tokens` (B, T, dim) each -> (B, dim).
    """
    x = ops.concatenate([pooled(t) for t in tokens.values()], axis=-1)
    x = keras.layers.Dropout(dropout, name="fusion_dropout")(x)
    flags = ops.cast(present, x.dtype)
    gate = keras.layers.Dense(experts, activation="softmax", name="fusion_gate")(ops.concatenate([x, flags], axis=-1))
    found = keras.layers.Dense(experts * dim, activation="gelu", name="fusion_experts")(x)
    return ops.sum(ops.reshape(found, (-1, experts, dim)) * gate[..., None], axis=1)
