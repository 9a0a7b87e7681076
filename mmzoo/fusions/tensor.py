"""Tensor fusion."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.errors import require
from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.tokens import Tokens

LARGEST = 200_000


def check_size(inputs: list[str], *, width: int, **options: object) -> None:
    """The tensor is no larger than `LARGEST`."""
    size = (width + 1) ** len(inputs)
    require(
        size <= LARGEST,
        f"Fusion 'tensor' would multiply {len(inputs)} inputs into {size:,} numbers an example; lower its width from "
        f"{width} until (width + 1) ** {len(inputs)} is at most {LARGEST:,}, or take 'low_rank_tensor'.",
    )


@fusions.register("tensor", check_size, level="feature", absent="left out")
def tensor(tokens: dict[str, Tokens], present: Tensor, *, dim: int, width: int = 16, dropout: float = 0.3) -> Tensor:
    """The outer product of all modalities, each with a 1 (TFN; Zadeh et al. 2017, arXiv:1707.07250).

    `[1; h_1] x [1; h_2] x ...` with `h_m = gelu(W_m x_m + b_m)` holds every product of features of one, of
    two, ... of all modalities; one dense layer reads it. Of an absent modality only its 1 is there.

    Args:
        width: features of each modality that are multiplied; the tensor has (width + 1) ** M numbers.

    `Tokens` (B, T, dim) each -> (B, dim).
    """
    result = ops.ones_like(present[:, :1], dtype="float32")
    for index, (name, each) in enumerate(tokens.items()):
        x = keras.layers.Dense(width, activation="gelu", name=f"fusion.{name}.dense")(pooled(each))
        x = ops.where(present[:, index : index + 1], x, 0.0)
        one = ops.ones_like(x[:, :1])
        outer = result[:, :, None] * ops.concatenate([one, x], axis=-1)[:, None, :]
        result = ops.reshape(outer, (-1, result.shape[1] * (width + 1)))
    result = keras.layers.Dropout(dropout, name="fusion.dropout")(result)
    return keras.layers.Dense(dim, activation="gelu", name="fusion.dense")(result)
