"""Text towers that train from scratch without regard to order: an embedding, and what is made of it."""

from __future__ import annotations

import keras

from mmzoo.aliases import Tensor
from mmzoo.modalities.text import Text
from mmzoo.modalities.text.sequence import embedded
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers


@towers.register("embedding_mean", serves="text")
def embedding_mean(x: Tensor, item: Text, *, width: int = 128, dropout: float = 0.3) -> Tokens:
    """An embedding that trains from scratch; the fusion takes the mean of its tokens (fastText; arXiv:1607.01759).

    A text as `item` decodes it -> `Tokens` (B, tokens, width).

    Args:
        dropout: share of whole tokens left out in training.
    """
    values, mask = embedded(x, item, width)
    shape = (None, values.shape[1], 1)
    return Tokens(keras.layers.Dropout(dropout, noise_shape=shape, name=scoped(item)("dropout"))(values), mask)


@towers.register("embedding_attention", serves="text")
def embedding_attention(x: Tensor, item: Text, *, width: int = 128, heads: int = 4, dropout: float = 0.3) -> Tokens:
    """An embedding that trains from scratch, and self-attention (Vaswani et al. 2017, arXiv:1706.03762).

    A text as `item` decodes it -> `Tokens` (B, tokens, width).

    Args:
        heads: attention heads.
        dropout: share of a token's features, and of whole tokens, left out in training.
    """
    values, mask = embedded(x, item, width)
    return attend(values, mask, item, heads, dropout)


def attend(values: Tensor, mask: Tensor, item: Text, heads: int, dropout: float) -> Tokens:
    """Dropout of whole tokens and of features, then one residual self-attention over the real tokens."""
    name = scoped(item)
    values = keras.layers.Dropout(dropout, noise_shape=(None, values.shape[1], 1), name=name("token_dropout"))(values)
    values = keras.layers.Dropout(dropout, name=name("dropout"))(values)
    width = values.shape[-1]
    attention = keras.layers.MultiHeadAttention(heads, max(width // heads, 1), name=name("attention"))
    values = values + attention(values, values, attention_mask=mask[:, None, :])
    return Tokens(keras.layers.LayerNormalization(name=name("norm"))(values), mask)
