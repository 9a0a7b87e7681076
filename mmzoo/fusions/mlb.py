"""Multimodal low-rank bilinear pooling."""

from __future__ import annotations

import keras

from mmzoo.aliases import Tensor
from mmzoo.fusions import fusions
from mmzoo.fusions.elementwise import product_of
from mmzoo.layers import pooled
from mmzoo.tokens import Tokens


@fusions.register("mlb", level="feature", absent="left out")
def mlb(tokens: dict[str, Tokens], present: Tensor, *, dim: int, rank: int = 256, dropout: float = 0.3) -> Tensor:
    """The product of the modalities in a common space: `P prod_m tanh(U_m x_m + b_m) + c`.

    Low-rank bilinear pooling (MLB; Kim et al. 2017, arXiv:1610.04325), of as many modalities as are present;
    an absent one counts as 1.

    Args:
        rank: width of the common space.

    `Tokens` (B, T, dim) each -> (B, dim).
    """
    factors = [
        keras.layers.Dense(rank, activation="tanh", name=f"fusion.{name}.factor")(pooled(each))
        for name, each in tokens.items()
    ]
    result = keras.layers.Dropout(dropout, name="fusion.dropout")(product_of(factors, present))
    return keras.layers.Dense(dim, name="fusion.dense")(result)
