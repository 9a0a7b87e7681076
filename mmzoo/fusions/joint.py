"""What the fusions over all tokens at once share, and the plainest of them: a joint Transformer."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.fusions import fusions
from mmzoo.layers import pooled, transformer_block
from mmzoo.tokens import Tokens


class Kind(keras.layers.Layer):
    """Adds a learned vector to all tokens of a modality, so that it is known where they come from: (B, T, D)."""

    def build(self, shape: Any) -> None:
        self.vector = self.add_weight(
            shape=(shape[-1],), initializer=keras.initializers.RandomNormal(0.02), name="vector"
        )

    def call(self, x: Any) -> Any:
        return x + self.vector


class Learned(keras.layers.Layer):
    """`count` learned tokens for every example: (B, T, D) -> (B, count, D)."""

    def __init__(self, count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = count

    def build(self, shape: Any) -> None:
        self.tokens = self.add_weight(
            shape=(self.count, shape[-1]), initializer=keras.initializers.RandomNormal(0.02), name="tokens"
        )

    def call(self, x: Any) -> Any:
        return ops.zeros_like(x[:, :1, :]) + self.tokens


def all_tokens(tokens: dict[str, Tokens], present: Any) -> Tokens:
    """The tokens of all modalities in a row, each with its modality's vector; those of absent ones masked."""
    values = [Kind(name=f"fusion_{name}_kind")(each.values) for name, each in tokens.items()]
    masks = [ops.logical_and(t.mask, present[:, k : k + 1]) for k, t in enumerate(tokens.values())]
    return Tokens(ops.concatenate(values, axis=1), ops.concatenate(masks, axis=1))


@fusions.register("joint_transformer", level="feature", absent="left out")
def joint_transformer(
    tokens: dict[str, Tokens], present: Any, *, dim: int, layers: int = 2, heads: int = 4, dropout: float = 0.1
) -> Any:
    """Self-attention over the tokens of all modalities in a row (VisualBERT; Li et al. 2019, arXiv:1908.03557).

    Args:
        layers, heads: of the Transformer.
        dropout: share of attention weights and features left out in training.

    `Tokens` (B, T, dim) each -> (B, 2 dim).
    """
    values, mask = all_tokens(tokens, present)
    for index in range(layers):
        values = transformer_block(values, mask, f"fusion_block{index}", heads=heads, dropout=dropout)
    return pooled(Tokens(keras.layers.LayerNormalization(name="fusion_norm")(values), mask))
