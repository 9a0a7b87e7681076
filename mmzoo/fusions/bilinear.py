"""Bilinear pooling of low rank: MLB and MFB."""

from __future__ import annotations

from functools import reduce
from operator import mul
from typing import Any

import keras
from keras import ops

from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.tokens import Tokens


@fusions.register("mlb", level="feature", absent="left out")
def mlb(tokens: dict[str, Tokens], present: Any, *, dim: int, rank: int = 128, dropout: float = 0.1) -> Any:
    """`P (prod_m tanh(U_m x_m))` over what is present (Kim et al. 2017, arXiv:1610.04325).

    The paper has two modalities; here any number.

    Args:
        rank: width of the product.
        dropout: share of the product left out in training.

    `Tokens` (B, T, dim) each -> (B, dim).
    """
    product = projected_product(tokens, present, rank, "tanh")
    product = keras.layers.Dropout(dropout, name="fusion_dropout")(product)
    return keras.layers.Dense(dim, name="fusion_dense")(product)


@fusions.register("mfb", level="feature", absent="left out")
def mfb(tokens: dict[str, Tokens], present: Any, *, dim: int, factors: int = 4, dropout: float = 0.1) -> Any:
    """`prod_m U_m x_m`, summed in groups of `factors`, its signed root, at length 1 (Yu et al. 2017, arXiv:1708.01471).

    The paper has two modalities; here any number, over what is present.

    Args:
        factors: numbers summed for each one of the result.
        dropout: share of the product left out in training.

    `Tokens` (B, T, dim) each -> (B, dim).
    """
    product = projected_product(tokens, present, dim * factors, None)
    product = keras.layers.Dropout(dropout, name="fusion_dropout")(product)
    x = ops.sum(ops.reshape(product, (-1, dim, factors)), axis=-1)
    # The root's slope at 0 is infinite: it is taken of a little more.
    x = ops.sign(x) * (ops.sqrt(ops.abs(x) + 1e-6) - 1e-3)
    return x / ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True) + 1e-6)


def projected_product(tokens: dict[str, Tokens], present: Any, width: int, activation: str | None) -> Any:
    """`prod_m act(U_m x_m)` over what is present, (B, width)."""
    factors = []
    for index, (name, each) in enumerate(tokens.items()):
        x = keras.layers.Dense(width, activation=activation, name=f"fusion_{name}")(pooled(each))
        factors.append(ops.where(present[:, index : index + 1], x, 1.0))
    return reduce(mul, factors)
