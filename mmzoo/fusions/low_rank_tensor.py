"""Low-rank tensor fusion."""

from __future__ import annotations

from functools import reduce
from operator import mul

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.tokens import Tokens


@fusions.register("low_rank_tensor", level="feature", absent="left out")
def low_rank_tensor(tokens: dict[str, Tokens], present: Tensor, *, dim: int, rank: int = 4) -> Tensor:
    """Tensor fusion by a weight of low rank, without the tensor (LMF; Liu et al. 2018, arXiv:1806.00064).

    `sum_r prod_m F_mr [1; x_m]`: linear in the number of modalities. Of an absent modality only its 1 is there.
    What a factor does to the 1 is the bias of its dense layer, and starts at 1: at first an absent modality
    changes nothing.

    Args:
        rank: number of products that are added up.

    `Tokens` (B, T, dim) each -> (B, dim).
    """
    factors = []
    for index, (name, each) in enumerate(tokens.items()):
        x = ops.where(present[:, index : index + 1], pooled(each), 0.0)
        factor = keras.layers.Dense(rank * dim, bias_initializer="ones", name=f"fusion.{name}.factor")
        factors.append(factor(x))
    return ops.sum(ops.reshape(reduce(mul, factors), (-1, rank, dim)), axis=1)
