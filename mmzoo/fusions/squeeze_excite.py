"""Squeeze and excitation across modalities."""

from __future__ import annotations

from typing import Annotated

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.options import Range
from mmzoo.tokens import Tokens


@fusions.register("squeeze_excite", level="feature", absent="left out")
def squeeze_excite(
    tokens: dict[str, Tokens], present: Tensor, *, dim: int, reduction: Annotated[int, Range(1, 64)] = 4
) -> Tensor:
    """Each modality's numbers are weighed by a bottleneck that has seen all: `[2 sigmoid(E_m relu(S x)) * x_m, ...]`.

    Squeeze and excitation (Hu et al. 2018, arXiv:1709.01507) as it joins modalities in MMTM (Joze et al. 2020,
    arXiv:1911.08670): `x` are the vectors of the modalities side by side, zeros in place of an absent one.

    `Tokens` (B, T, dim) each -> (B, 2 M dim), of M modalities.

    Args:
        reduction: how many times narrower the bottleneck is than what it reads.
    """
    vectors = [
        ops.where(present[:, index : index + 1], pooled(each), 0.0) for index, each in enumerate(tokens.values())
    ]
    joined = ops.concatenate(vectors, axis=-1)
    units = max(joined.shape[-1] // reduction, 1)
    squeezed = keras.layers.Dense(units, activation="relu", name="fusion.squeeze")(joined)
    gated = []
    for name, x in zip(tokens, vectors, strict=True):
        gate = keras.layers.Dense(x.shape[-1], activation="sigmoid", name=f"fusion.{name}.excite")(squeezed)
        gated.append(2.0 * gate * x)
    return ops.concatenate(gated, axis=-1)
