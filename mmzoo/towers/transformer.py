"""Transformer encoder over a sequence."""

from __future__ import annotations

from collections.abc import Callable

import keras

from mmzoo.layers.transformer import Positions, transformer_block
from mmzoo.tokens import Tokens
from mmzoo.towers.sequence import sequence_tower, without_padding


@sequence_tower("transformer")
def transformer(
    tokens: Tokens,
    name: Callable[[str], str],
    *,
    width: int = 128,
    layers: int = 2,
    heads: int = 4,
    dropout: float = 0.1,
) -> Tokens:
    """Learned places and self-attention, `layers` times (Vaswani et al. 2017, arXiv:1706.03762; normalised before).

    `Tokens` (B, T, any) -> (B, T, width).

    Args:
        width: numbers a token; of a text, also the width of its embedding.
        heads: attention heads.
        dropout: share of attention weights and features left out in training.
    """
    x = without_padding(tokens)
    if x.shape[-1] != width:
        x = keras.layers.Dense(width, name=name("project"))(x)
    x = Positions(name=name("places"))(x)
    for index in range(layers):
        x = transformer_block(x, tokens.mask, name(f"block{index}"), heads=heads, dropout=dropout)
    return Tokens(keras.layers.LayerNormalization(name=name("norm"))(x), tokens.mask)
