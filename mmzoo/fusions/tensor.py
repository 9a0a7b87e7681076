"""Tensor fusion."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.errors import require
from mmzoo.fusions import check_counts, fusions
from mmzoo.layers import pooled
from mmzoo.tokens import Tokens

LARGEST = 200_000


@fusions.register("tensor", level="feature", absent="left out")
def tensor(tokens: dict[str, Tokens], present: Any, *, dim: int, width: int = 16, dropout: float = 0.3) -> Any:
    """The outer product of all modalities, each with a 1 (TFN; Zadeh et al. 2017, arXiv:1707.07250).

    `[1; h_1] x [1; h_2] x ...` with `h_m = gelu(W_m x_m + b_m)` holds every product of features of one, of
    two, ... of all modalities; one dense layer reads it. Of an absent modality only its 1 is there.

    Args:
        width: features of each modality that are multiplied; the tensor has (width + 1) ** M numbers.

    `Tokens` (B, T, dim) each -> (B, dim).

    Raises:
        MMZooError: the tensor would have more than 200,000 numbers.
    """
    check_counts("tensor", width=width)
    size = (width + 1) ** len(tokens)
    require(
        size <= LARGEST,
        f"Fusion 'tensor' would multiply {len(tokens)} inputs into {size:,} numbers an example; lower its width from "
        f"{width} until (width + 1) ** {len(tokens)} is at most {LARGEST:,}, or take 'low_rank_tensor'.",
    )
    result = ops.ones_like(present[:, :1], dtype="float32")
    for index, (name, each) in enumerate(tokens.items()):
        x = keras.layers.Dense(width, activation="gelu", name=f"fusion.{name}.dense")(pooled(each))
        x = ops.where(present[:, index : index + 1], x, 0.0)
        one = ops.ones_like(x[:, :1])
        outer = result[:, :, None] * ops.concatenate([one, x], axis=-1)[:, None, :]
        result = ops.reshape(outer, (-1, result.shape[1] * (width + 1)))
    result = keras.layers.Dropout(dropout, name="fusion.dropout")(result)
    return keras.layers.Dense(dim, activation="gelu", name="fusion.dense")(result)
