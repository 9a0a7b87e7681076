"""Concatenation."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.tokens import Tokens


@fusions.register("concat", level="feature", absent="learned embedding")
def concat(tokens: dict[str, Tokens], present: Tensor, *, dim: int, dropout: float = 0.3) -> Tensor:
    """Each modality's mean token side by side, then one dense layer: `gelu(W [x1; x2; ...] + b)`.

    The baseline of every comparison (Baltrusaitis et al. 2019, "Multimodal Machine
    Learning: A Survey and Taxonomy"). An absent modality takes part as its learned embedding.

    `Tokens` (B, T, dim) each -> (B, dim).
    """
    joined = ops.concatenate([pooled(t) for t in tokens.values()], axis=-1)
    joined = keras.layers.Dropout(dropout, name="fusion.dropout")(joined)
    return keras.layers.Dense(dim, activation="gelu", name="fusion.dense")(joined)
