"""Attention bottlenecks."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.fusions import fusions
from mmzoo.fusions.joint import Learned
from mmzoo.layers import pooled, stacked, transformer_block
from mmzoo.tokens import Tokens, masked_mean


@fusions.register("bottleneck", level="feature", absent="left out")
def bottleneck(
    tokens: dict[str, Tokens],
    present: Any,
    *,
    dim: int,
    bottlenecks: int = 4,
    layers: int = 2,
    heads: int = 4,
    dropout: float = 0.1,
) -> Any:
    """Modalities exchange only by a few tokens that all of them see (MBT; Nagrani et al. 2021, arXiv:2107.00135).

    In each layer every modality attends to its own tokens and the bottlenecks; the bottlenecks are then the mean
    of what the modalities that are present made of them. The result is the mean over the modalities that are present.

    Args:
        bottlenecks: tokens that are shared.
        layers, heads: of the Transformer; each modality has its own.
        dropout: share of attention weights and features left out in training.

    `Tokens` (B, T, dim) each -> (B, 2 dim).
    """
    shared = Learned(bottlenecks, name="fusion_bottlenecks")(next(iter(tokens.values())).values)
    always = ops.ones_like(shared[..., 0], dtype="bool")
    own = dict(tokens)
    for layer in range(layers):
        seen = []
        for name, (values, mask) in own.items():
            both = ops.concatenate([values, shared], axis=1)
            mask_of_both = ops.concatenate([mask, always], axis=1)
            x = transformer_block(both, mask_of_both, f"fusion_{name}_block{layer}", heads=heads, dropout=dropout)
            own[name] = Tokens(x[:, :-bottlenecks], mask)
            seen.append(x[:, -bottlenecks:])
        flat = ops.stack([ops.reshape(x, (-1, bottlenecks * dim)) for x in seen], axis=1)
        shared = ops.reshape(masked_mean(flat, present), (-1, bottlenecks, dim))
    normal = {
        name: Tokens(keras.layers.LayerNormalization(name=f"fusion_{name}_norm")(t.values), t.mask)
        for name, t in own.items()
    }
    told = pooled(Tokens(keras.layers.LayerNormalization(name="fusion_norm")(shared), always))
    return masked_mean(stacked(normal), present) + told
