"""A text tower that trains from scratch: hashed words and one self-attention block."""

from __future__ import annotations

from typing import Any

import keras

from mmzoo.modalities.text import Text
from mmzoo.modalities.tokenizers import HashedWords
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers, trunk_name


@towers.register("embedding_attention", serves="text")
def embedding_attention(
    x: Any, item: Text, *, width: int = 128, buckets: int = 4096, tokens: int = 16, heads: int = 4, dropout: float = 0.3
) -> Tokens:
    """Hashed words, an embedding that trains from scratch, and self-attention (Vaswani et al. 2017, arXiv:1706.03762).

    uint8 (B, L) -> `Tokens` (B, tokens, width).

    Args:
        buckets: rows of the embedding; a word's hash picks its row.
        tokens: words read at most.
        heads: attention heads.
        dropout: share of a word's features, and of whole words, left out in training.
    """
    ids = HashedWords(tokens, buckets, name=trunk_name(item))(x)
    values = keras.layers.Embedding(buckets + 1, width, name=scoped(item)("embedding"))(ids)
    return attend(values, ids > 0, item, heads, dropout)


def attend(values: Any, mask: Any, item: Text, heads: int, dropout: float) -> Tokens:
    """Dropout of whole tokens and of features, then one residual self-attention over the real tokens."""
    name = scoped(item)
    values = keras.layers.Dropout(dropout, noise_shape=(None, values.shape[1], 1), name=name("token_dropout"))(values)
    values = keras.layers.Dropout(dropout, name=name("dropout"))(values)
    width = values.shape[-1]
    attention = keras.layers.MultiHeadAttention(heads, max(width // heads, 1), name=name("attention"))
    values = values + attention(values, values, attention_mask=mask[:, None, :])
    return Tokens(keras.layers.LayerNormalization(name=name("norm"))(values), mask)
