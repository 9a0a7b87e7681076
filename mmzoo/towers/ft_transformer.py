"""Self-attention over the columns of a table."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.layers.transformer import transformer_block
from mmzoo.modalities.tabular import Tabular
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers
from mmzoo.towers.columns import column_vectors


@towers.register("ft_transformer", serves="tabular")
def ft_transformer(
    x: Tensor, item: Tabular, *, width: int = 64, layers: int = 2, heads: int = 4, dropout: float = 0.1
) -> Tokens:
    """Every column a token, self-attention over them (FT-Transformer; Gorishniy et al. 2021, arXiv:2106.11959).

    float32 (B, places) -> `Tokens` (B, columns, width). The fusion's pooling stands for the paper's extra token.

    Args:
        width: numbers a token.
        layers, heads: of self-attention.
        dropout: share of attention weights and features left out in training.
    """
    name = scoped(item)
    x = column_vectors(x, item, width)
    mask = ops.ones_like(x[..., 0], dtype="bool")
    for index in range(layers):
        x = transformer_block(x, mask, name(f"block{index}"), heads=heads, dropout=dropout)
    return Tokens(keras.layers.LayerNormalization(name=name("norm"))(x), mask)
