"""Perceiver."""

from __future__ import annotations

from typing import Any

import keras

from mmzoo.fusions import fusions
from mmzoo.fusions.joint import Learned, all_tokens
from mmzoo.layers import at_least_two, pooled, transformer_block
from mmzoo.tokens import Tokens


@fusions.register("perceiver", level="feature", absent="left out")
def perceiver(
    tokens: dict[str, Tokens],
    present: Any,
    *,
    dim: int,
    latents: int = 8,
    layers: int = 2,
    heads: int = 4,
    dropout: float = 0.1,
) -> Any:
    """A few latent tokens ask all tokens, then each other, `layers` times (Jaegle et al. 2021, arXiv:2103.03206).

    Its cost grows with the number of tokens, not with its square.

    Args:
        latents: how many latent tokens.
        layers, heads: of asking and self-attention.
        dropout: share of attention weights and features left out in training.

    `Tokens` (B, T, dim) each -> (B, 2 dim).
    """
    values, mask = at_least_two(all_tokens(tokens, present))
    values = keras.layers.LayerNormalization(name="fusion_input_norm")(values)
    x = Learned(latents, name="fusion_latents")(values)
    always = keras.ops.ones_like(x[..., 0], dtype="bool")
    for index in range(layers):
        asking = keras.layers.LayerNormalization(name=f"fusion_ask{index}_norm")(x)
        attention = keras.layers.MultiHeadAttention(
            heads, max(dim // heads, 1), dropout=dropout, name=f"fusion_ask{index}"
        )
        x = x + attention(asking, values, attention_mask=mask[:, None, :])
        x = transformer_block(x, always, f"fusion_block{index}", heads=heads, dropout=dropout)
    return pooled(Tokens(keras.layers.LayerNormalization(name="fusion_norm")(x), always))
