"""Transformer over patches of the spectrogram."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.errors import require
from mmzoo.layers.transformer import Positions, transformer_block
from mmzoo.modalities.audio import Audio
from mmzoo.modalities.audio.sequence import frames
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers


@towers.register("patch_transformer", serves="audio")
def patch_transformer(
    x: Tensor,
    item: Audio,
    *,
    patch: int = 8,
    width: int = 128,
    layers: int = 3,
    heads: int = 4,
    dropout: float = 0.1,
) -> Tokens:
    """Square patches of the log-mel as tokens, self-attention (AST; Gong et al. 2021, arXiv:2104.01778).

    float32 (B, N) -> `Tokens` (B, (frames / patch) (bands / patch), width).

    Args:
        patch: frames and bands on a side; what is left over at the ends is not read.
        width: numbers a token.
        layers, heads: of self-attention.
        dropout: share of attention weights and features left out in training.
    """
    name = scoped(item)
    values, mask = frames(x, item)
    high, wide = values.shape[1] // patch, values.shape[2] // patch
    require(
        high and wide,
        f"The patches of the tower of input '{item.name}' are larger than its {values.shape[1]} x {values.shape[2]} "
        "features; give a smaller patch.",
    )
    grid = keras.layers.Conv2D(width, patch, patch, name=name("patches"))(values[..., None])
    x = Positions(name=name("places"))(ops.reshape(grid, (-1, high * wide, width)))
    # A patch is real if its first frame is.
    real = ops.repeat(mask[:, : high * patch : patch], wide, axis=1)
    for index in range(layers):
        x = transformer_block(x, real, name(f"block{index}"), heads=heads, dropout=dropout)
    return Tokens(keras.layers.LayerNormalization(name=name("norm"))(x), real)
