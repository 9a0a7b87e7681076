"""Towers over the columns of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Shape, Tensor
from mmzoo.layers import transformer_block
from mmzoo.modalities.tabular import Tabular
from mmzoo.tokens import Tokens, is_number
from mmzoo.towers import scoped, towers


@keras.saving.register_keras_serializable("mmzoo")
class Numbers(keras.layers.Layer):
    """The numbers of a row, normalised, 0 where missing, and 1 where there, 0 where missing: (B, C) -> two (B, N)."""

    def __init__(self, means: Sequence[float], deviations: Sequence[float], **kwargs: Any) -> None:
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        self.means, self.deviations = np.array(means, np.float32), np.array(deviations, np.float32)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "means": self.means.tolist(), "deviations": self.deviations.tolist()}

    def call(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = x[:, : len(self.means)]
        there = is_number(x)
        return ops.where(there, (x - self.means) / self.deviations, 0.0), ops.cast(there, "float32")


def embeddings(x: Tensor, item: Tabular, width: int) -> list[Tensor]:
    """A vector (B, width) for each column of categories; a missing one and an unknown one have theirs."""
    found = []
    for index, size in enumerate(item.sizes):
        place = ops.cast(x[:, len(item.numbers) + index], "int32")
        found.append(keras.layers.Embedding(size, width, name=scoped(item)(f"embedding{index}"))(place))
    return found


@towers.register("mlp", serves="tabular")
def mlp(
    x: Tensor, item: Tabular, *, hidden: Sequence[int] = (128, 128), width: int = 8, dropout: float = 0.1
) -> Tokens:
    """Numbers, flags of which are there, and an embedding of each category through dense layers.

    float32 (B, columns) -> `Tokens` (B, 1, hidden[-1]).
    Guo & Berkhahn 2016, "Entity Embeddings of Categorical Variables", arXiv:1604.06737.

    Args:
        hidden: widths of the layers.
        width: numbers in the embedding of a category.
        dropout: share of each layer's features left out in training.
    """
    item.check_fitted()
    name = scoped(item)
    parts = list(Numbers(item.means, item.deviations, name=name("numbers"))(x)) if item.numbers else []
    x = ops.concatenate([*parts, *embeddings(x, item, width)], axis=-1)
    for index, units in enumerate(hidden):
        x = keras.layers.Dense(units, activation="relu", name=name(f"dense{index}"))(x)
        x = keras.layers.Dropout(dropout, name=name(f"dropout{index}"))(x)
    return Tokens(x[:, None], ops.ones_like(x[:, :1], dtype="bool"))


@keras.saving.register_keras_serializable("mmzoo")
class NumberTokens(keras.layers.Layer):
    """A vector for each number, `x w + b`, or the column's vector for a missing one: two (B, N) -> (B, N, width)."""

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width

    def build(self, values_shape: Shape, there_shape: Shape) -> None:
        shape = (values_shape[-1], self.width)
        self.scales = self.add_weight(shape=shape, initializer="random_normal", name="scales")
        self.shifts = self.add_weight(shape=shape, initializer="random_normal", name="shifts")
        self.missing = self.add_weight(shape=shape, initializer="random_normal", name="missing_numbers")

    def call(self, values: Tensor, there: Tensor) -> Tensor:
        known = values[..., None] * self.scales + self.shifts
        return ops.where(there[..., None] > 0, known, self.missing)


@towers.register("ft_transformer", serves="tabular")
def ft_transformer(
    x: Tensor, item: Tabular, *, width: int = 64, layers: int = 2, heads: int = 4, dropout: float = 0.1
) -> Tokens:
    """Every column a token, self-attention over them (FT-Transformer; Gorishniy et al. 2021, arXiv:2106.11959).

    float32 (B, columns) -> `Tokens` (B, columns, width). The fusion's pooling stands for the paper's extra token.

    Args:
        width: numbers a token.
        layers, heads: of self-attention.
        dropout: share of attention weights and features left out in training.
    """
    item.check_fitted()
    name = scoped(item)
    tokens = [each[:, None] for each in embeddings(x, item, width)]
    if item.numbers:
        numbers = Numbers(item.means, item.deviations, name=name("numbers"))(x)
        tokens = [
            NumberTokens(width, name=name("number_tokens"))(*numbers),
            *tokens,
        ]
    x = ops.concatenate(tokens, axis=1)
    mask = ops.ones_like(x[..., 0], dtype="bool")
    for index in range(layers):
        x = transformer_block(x, mask, name(f"block{index}"), heads=heads, dropout=dropout)
    return Tokens(keras.layers.LayerNormalization(name=name("norm"))(x), mask)
