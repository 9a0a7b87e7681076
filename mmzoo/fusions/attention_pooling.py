"""Attention pooling."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.declared import LEARNED_QUERIES, attention
from mmzoo.fusions import fusions
from mmzoo.layers.transformer import Learned, at_least_two, gathered, lengths
from mmzoo.tokens import Fused, Tokens


@fusions.register("attention_pooling", level="feature", absent="left out")
def attention_pooling(
    tokens: dict[str, Tokens], present: Tensor, *, dim: int, queries: int = 4, heads: int = 4, dropout: float = 0.3
) -> Fused:
    """Learned queries attend over the tokens of every modality that is present, and one dense layer reads the answers.

    The pooling of Lee et al. 2019 (Set Transformer, arXiv:1810.00825). All modalities stand in one softmax, so that
    the weight of a modality is the weight of its tokens; an absent one has none.

    Args:
        queries: number of questions asked.
        heads: attention heads.

    `Tokens` (B, T, dim) each -> (B, dim), and the answers as `Tokens` (B, queries, dim).
    """
    values, mask = at_least_two(gathered(tokens, present, embedded=True))
    layer = keras.layers.MultiHeadAttention(heads, max(dim // heads, 1), name="fusion.attention")
    attention(layer, [(LEARNED_QUERIES, queries)], lengths(tokens))
    query = Learned(queries, dim, name="fusion.queries")(values)
    found = layer(query, values, attention_mask=mask[:, None, :])
    flat = keras.layers.Dropout(dropout, name="fusion.dropout")(ops.reshape(found, (-1, queries * dim)))
    embedding = keras.layers.Dense(dim, activation="gelu", name="fusion.dense")(flat)
    return Fused(embedding, Tokens(found, ops.ones_like(found[..., 0], dtype="bool")))
