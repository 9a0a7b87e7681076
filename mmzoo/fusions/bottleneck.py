"""Attention bottlenecks."""

from __future__ import annotations

from typing import Annotated

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.declared import BOTTLENECKS
from mmzoo.fusions import fusions
from mmzoo.layers import stacked
from mmzoo.layers.transformer import Learned, gathered, transformer_block
from mmzoo.options import Range
from mmzoo.tokens import Fused, Tokens, masked_mean


@fusions.register("bottleneck", level="feature", absent="left out")
def bottleneck(
    tokens: dict[str, Tokens],
    present: Tensor,
    *,
    dim: int,
    bottlenecks: int = 4,
    layers: Annotated[int, Range(2, 96)] = 2,
    heads: int = 4,
    dropout: float = 0.1,
) -> Fused:
    """Modalities exchange by a few bottleneck tokens only (MBT; Nagrani et al. 2021, arXiv:2107.00135).

    In every layer each modality's tokens and the bottleneck tokens pass a pre-norm block of the modality's own;
    the bottleneck tokens of the next layer are the mean of those of the modalities that are present. The
    result is the mean, over these, of their tokens after a norm. An absent modality neither tells nor counts.

    Args:
        bottlenecks: number of bottleneck tokens.
        layers: number of layers; what one writes the next one reads, so at least 2.
        heads: attention heads of a block.

    `Tokens` (B, T, dim) each -> (B, 2 dim), and the tokens of all modalities (B, sum of T, dim).
    """
    state = {name: gathered({name: each}, present[:, m : m + 1]) for m, (name, each) in enumerate(tokens.items())}
    shared = Learned(bottlenecks, dim, name="fusion.bottlenecks")(next(iter(state.values())).values)
    real = ops.ones_like(shared[..., 0], dtype="bool")
    for layer in range(layers):
        told = []
        for name, (values, mask) in state.items():
            axis = [(name, values.shape[1]), (BOTTLENECKS, bottlenecks)]
            found = transformer_block(
                ops.concatenate([values, shared], axis=1),
                ops.concatenate([mask, real], axis=1),
                f"fusion.{name}.block{layer}",
                heads=heads,
                hidden=4 * dim,
                dropout=dropout,
                over=(axis, axis),
            )
            length = values.shape[1]
            state[name] = Tokens(found[:, :length], mask)
            told.append(ops.reshape(found[:, length:], (-1, bottlenecks * dim)))
        shared = ops.reshape(masked_mean(ops.stack(told, axis=1), present), (-1, bottlenecks, dim))
    normed = {
        name: Tokens(keras.layers.LayerNormalization(epsilon=1e-5, name=f"fusion.{name}.norm")(values), mask)
        for name, (values, mask) in state.items()
    }
    return Fused(masked_mean(stacked(normed), present), gathered(normed, present))
