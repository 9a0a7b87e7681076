"""Learned queries over all tokens."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.fusions import fusions
from mmzoo.fusions.joint import Learned, all_tokens
from mmzoo.layers import at_least_two
from mmzoo.tokens import Tokens


@fusions.register("attention_pooling", level="feature", absent="left out")
def attention_pooling(
    tokens: dict[str, Tokens], present: Any, *, dim: int, queries: int = 2, heads: int = 4, dropout: float = 0.1
) -> Any:
    """Learned queries ask the tokens of all modalities at once (Lee et al. 2019, arXiv:1810.00825, PMA).

    Args:
        queries: how many; each gives a part of the result.
        heads: attention heads.
        dropout: share of attention weights left out in training.

    `Tokens` (B, T, dim) each -> (B, queries dim).
    """
    values, mask = at_least_two(all_tokens(tokens, present))
    asked = Learned(queries, name="fusion_queries")(values)
    attention = keras.layers.MultiHeadAttention(heads, max(dim // heads, 1), dropout=dropout, name="fusion_attention")
    found = attention(asked, values, attention_mask=mask[:, None, :])
    found = keras.layers.LayerNormalization(name="fusion_norm")(found + asked)
    return ops.reshape(found, (-1, queries * dim))
