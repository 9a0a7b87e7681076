"""Multimodal factorized bilinear pooling."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.fusions import fusions
from mmzoo.fusions.elementwise import product_of
from mmzoo.layers import pooled
from mmzoo.tokens import Tokens


@fusions.register("mfb", level="feature", absent="left out")
def mfb(tokens: dict[str, Tokens], present: Tensor, *, dim: int, factors: int = 5, dropout: float = 0.1) -> Tensor:
    """Bilinear pooling by sums of products, of unit length (MFB; Yu et al. 2017, arXiv:1708.01471).

    `z = sum over groups of prod_m (U_m x_m + b_m)`, then `z <- sign(z) sqrt(|z|)` and `z <- z / |z|`. The
    product is over the modalities that are present; an absent one counts as 1.

    Args:
        factors: products that are added up to one feature.

    `Tokens` (B, T, dim) each -> (B, dim).
    """
    parts = [
        keras.layers.Dense(factors * dim, name=f"fusion.{name}.factor")(pooled(each)) for name, each in tokens.items()
    ]
    result = keras.layers.Dropout(dropout, name="fusion.dropout")(product_of(parts, present))
    result = ops.sum(ops.reshape(result, (-1, dim, factors)), axis=-1)
    # Without the small number, which 16 bits do not hold, the slope of both roots would be infinite at 0.
    exact = ops.cast(result, "float32")
    exact = exact / ops.sqrt(ops.abs(exact) + 1e-8)
    return ops.cast(exact / ops.sqrt(ops.sum(ops.square(exact), axis=-1, keepdims=True) + 1e-8), result.dtype)
