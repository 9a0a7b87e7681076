"""Cross-attention between every ordered pair of modalities."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.declared import attention
from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.layers.transformer import at_least_two, gathered
from mmzoo.tokens import Fused, Tokens


@fusions.register("cross_attention", level="feature", absent="learned embedding")
def cross_attention(
    tokens: dict[str, Tokens], present: Tensor, *, dim: int, heads: int = 4, dropout: float = 0.3
) -> Fused:
    """Each modality's tokens ask the tokens of every other one (MulT; Tsai et al. 2019, arXiv:1906.00295).

    For target m and each source s != m, `x_m <- norm(x_m + sum_s attention(x_m, x_s))`, only over
    sources that are present; the means of the enriched targets are concatenated into one dense layer.
    With a single modality nothing is asked and the dense layer takes its mean.

    `Tokens` (B, T, dim) each -> (B, dim), and the enriched tokens of all modalities (B, sum of T, dim).
    """
    here = {name: ops.cast(present[:, index], "float32")[:, None, None] for index, name in enumerate(tokens)}
    axes = {name: [(name, each.values.shape[1])] for name, each in tokens.items()}
    enriched = {}
    for target, (values, mask) in tokens.items():
        for source in tokens:
            others, their_mask = at_least_two(tokens[source])
            if source != target:
                layer = keras.layers.MultiHeadAttention(
                    heads, max(dim // heads, 1), dropout=dropout, name=f"fusion.{target}.from.{source}"
                )
                attention(layer, axes[target], axes[source])
                values = values + here[source] * layer(
                    tokens[target].values, others, attention_mask=their_mask[:, None, :]
                )
        values = keras.layers.LayerNormalization(name=f"fusion.{target}.norm")(values)
        enriched[target] = Tokens(values, mask)
    vectors = ops.concatenate([pooled(each) for each in enriched.values()], axis=-1)
    joined = keras.layers.Dropout(dropout, name="fusion.dropout")(vectors)
    embedding = keras.layers.Dense(dim, activation="gelu", name="fusion.dense")(joined)
    return Fused(embedding, gathered(enriched, present))
