"""Gated multimodal unit."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.tokens import Tokens


@fusions.register("gated", level="feature", absent="learned embedding")
def gated(tokens: dict[str, Tokens], present: Tensor, *, dim: int, dropout: float = 0.3) -> Tensor:
    """Gates that see all modalities weigh the features of each (GMU; Arevalo et al. 2017, arXiv:1702.01992).

    `sum_m sigmoid(V_m [x1; x2; ...] + c_m) * tanh(W_m x_m + b_m)` over the modalities that are
    present. The gates are the paper's for more than two modalities: they need not add up to 1.
    They see the learned embedding of an absent one.

    `Tokens` (B, T, dim) each -> (B, dim).
    """
    vectors = [pooled(t) for t in tokens.values()]
    joined = keras.layers.Dropout(dropout, name="fusion.dropout")(ops.concatenate(vectors, axis=-1))
    result = 0.0
    for index, (name, x) in enumerate(zip(tokens, vectors, strict=True)):
        hidden = keras.layers.Dense(dim, activation="tanh", name=f"fusion.{name}.hidden")(x)
        gate = keras.layers.Dense(dim, activation="sigmoid", name=f"fusion.{name}.gate")(joined)
        result = result + ops.where(present[:, index : index + 1], gate * hidden, 0.0)
    return result
