"""Low-rank tensor fusion."""

from __future__ import annotations

from functools import reduce
from operator import mul
from typing import Any

import keras
from keras import ops

from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.tokens import Tokens


@fusions.register("low_rank_tensor", level="feature", absent="left out")
def low_rank_tensor(tokens: dict[str, Tokens], present: Any, *, dim: int, rank: int = 8) -> Any:
    """Tensor fusion whose weights are a sum of `rank` products, never made (Liu et al. 2018, arXiv:1806.00064).

    `sum_r v_r prod_m (A_m,r [1; x_m]) + b`. Of an absent modality only its 1 takes part.

    Args:
        rank: products in the sum.

    `Tokens` (B, T, dim) each -> (B, dim).
    """
    factors = []
    for index, (name, each) in enumerate(tokens.items()):
        x = ops.where(present[:, index : index + 1], pooled(each), 0.0)
        # A bias is what a 1 before the vector is multiplied with. It begins at 1, so that a product of
        # many factors neither vanishes nor hides what each of them says.
        factor = keras.layers.Dense(rank * dim, bias_initializer="ones", name=f"fusion_{name}_factor")
        factors.append(factor(x))
    return RankSum(rank, dim, name="fusion_sum")(reduce(mul, factors))


class RankSum(keras.layers.Layer):
    """`sum_r v_r x_r + b`: (B, rank * dim) -> (B, dim)."""

    def __init__(self, rank: int, dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rank, self.dim = rank, dim

    def build(self, shape: Any) -> None:
        self.shares = self.add_weight(shape=(self.rank, 1), initializer="glorot_uniform", name="shares")
        self.bias = self.add_weight(shape=(self.dim,), initializer="zeros", name="bias")

    def call(self, x: Any) -> Any:
        return ops.sum(ops.reshape(x, (-1, self.rank, self.dim)) * self.shares, axis=1) + self.bias
