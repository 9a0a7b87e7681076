"""Tensor fusion."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from mmzoo.errors import require
from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.tokens import Tokens

LIMIT = 200_000  # numbers in the tensor of one example


@fusions.register("tensor", level="feature", absent="left out")
def tensor(tokens: dict[str, Tokens], present: Any, *, dim: int, width: int = 12, dropout: float = 0.1) -> Any:
    """The outer product of all modalities, `[1; z_1] x [1; z_2] x ...` (Zadeh et al. 2017, arXiv:1707.07250).

    Every product of numbers of one, two or more modalities is a feature. Each is first brought
    to `z_m = relu(W_m x_m)` of `width` numbers; of an absent one only its 1 takes part.

    Args:
        width: numbers a modality; the tensor has (width + 1)**modalities.
        dropout: share of the tensor left out in training.

    `Tokens` (B, T, dim) each -> (B, dim).

    Raises:
        MMZooError: the tensor would be too large.
    """
    size = (width + 1) ** len(tokens)
    fits = math.floor(LIMIT ** (1 / len(tokens))) - 1
    require(
        size <= LIMIT,
        f"Fusion 'tensor' of {len(tokens)} inputs at width {width} has {size:,} numbers an example, over {LIMIT:,}; "
        f"give width={fits} or less, or take 'low_rank_tensor'.",
    )
    product: Any = None
    for index, (name, each) in enumerate(tokens.items()):
        z = keras.layers.Dense(width, activation="relu", name=f"fusion_{name}")(pooled(each))
        z = ops.pad(ops.where(present[:, index : index + 1], z, 0.0), ((0, 0), (1, 0)), constant_values=1.0)
        product = (
            z if product is None else ops.reshape(product[:, :, None] * z[:, None], (-1, (width + 1) ** (index + 1)))
        )
    product = keras.layers.Dropout(dropout, name="fusion_dropout")(product)
    return keras.layers.Dense(dim, activation="gelu", name="fusion_dense")(product)
