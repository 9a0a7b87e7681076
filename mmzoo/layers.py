"""The layers that stand between the towers and the fusion, in every model."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.tokens import Tokens, masked_max, masked_mean

HEAD_DROPOUT = 0.3
LOG_VARIANCES = "log_variances"


class Gate(keras.layers.Layer):
    """Zeros in place of an absent modality's values: (B, ...), bool (B, M) -> (B, ...); uint8 becomes int32."""

    def __init__(self, index: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.index = index

    def call(self, x: Any, present: Any) -> Any:
        if x.dtype == "uint8":
            x = ops.cast(x, "int32")  # TFLite has no builtin that selects bytes
        here = ops.reshape(present[:, self.index], (-1,) + (1,) * (len(x.shape) - 1))
        return ops.where(here, x, ops.zeros_like(x))


class Presence(keras.layers.Layer):
    """A tower's tokens at the common width, or the modality's learned embedding where it is absent.

    `Tokens` (B, T, any), bool (B, M) -> (`Tokens` (B, T, dim), bool (B,)). A modality is
    here when `present` says so and at least one of its tokens is real.
    """

    def __init__(self, dim: int, index: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.index = index
        self.dense = keras.layers.Dense(dim, name="dense")
        self.norm = keras.layers.LayerNormalization(name="norm")

    def build(self, tokens_shape: Any, present_shape: Any) -> None:
        self.dense.build(tokens_shape[0])
        self.norm.build(self.dense.compute_output_shape(tokens_shape[0]))
        self.missing = self.add_weight(shape=(self.dense.units,), initializer="random_normal", name="missing")

    def call(self, tokens: Tokens, present: Any) -> tuple[Tokens, Any]:
        values, mask = tokens
        here = ops.logical_and(present[:, self.index], ops.any(mask, axis=1))
        first = ops.arange(mask.shape[1]) == 0
        values = ops.where(here[:, None, None], self.norm(self.dense(values)), self.missing)
        return Tokens(values, ops.where(here[:, None], mask, first[None])), here


class LogVariances(keras.layers.Layer):
    """One learned number a task, `log sigma^2`, repeated for each example: anything (B, ...) -> (B, tasks)."""

    def __init__(self, tasks: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tasks = tasks

    def build(self, shape: Any) -> None:
        self.values = self.add_weight(shape=(self.tasks,), initializer="zeros", name="values")

    def call(self, x: Any) -> Any:
        return ops.zeros_like(ops.cast(x[:, :1], "float32")) + self.values[None]


def pooled(tokens: Tokens) -> Any:
    """One vector (B, 2 D) a modality: the mean and the maximum of its real tokens."""
    return ops.concatenate([masked_mean(tokens.values, tokens.mask), masked_max(tokens.values, tokens.mask)], axis=-1)


def stacked(tokens: dict[str, Tokens]) -> Any:
    """One vector a modality, side by side: (B, M, 2 D)."""
    return ops.stack([pooled(each) for each in tokens.values()], axis=1)


def transformer_block(
    values: Any, mask: Any, name: str, *, heads: int, hidden: int | None = None, dropout: float = 0.0
) -> Any:
    """Self-attention over the real tokens, then a GELU network on each; both residual, normalised before.

    Vaswani et al. 2017, arXiv:1706.03762, in the order of Xiong et al. 2020, arXiv:2002.04745.

    Args:
        values, mask: (B, T, D), bool (B, T) -> (B, T, D).
        name: what the layers' names begin with.
        heads: attention heads, of D / heads numbers each.
        hidden: width of the network; four times D, if not given.
        dropout: share of attention weights, and of what each half adds, left out in training.
    """
    width = values.shape[-1]
    x = keras.layers.LayerNormalization(name=f"{name}_attention_norm")(values)
    attention = keras.layers.MultiHeadAttention(
        heads, max(width // heads, 1), dropout=dropout, name=f"{name}_attention"
    )
    keys, their_mask = at_least_two(Tokens(x, mask))
    x = attention(x, keys, attention_mask=their_mask[:, None, :])
    values = values + keras.layers.Dropout(dropout, name=f"{name}_attention_dropout")(x)
    x = keras.layers.LayerNormalization(name=f"{name}_hidden_norm")(values)
    x = keras.layers.Dense(hidden or 4 * width, activation="gelu", name=f"{name}_hidden")(x)
    x = keras.layers.Dense(width, name=f"{name}_out")(x)
    return values + keras.layers.Dropout(dropout, name=f"{name}_out_dropout")(x)


def at_least_two(tokens: Tokens) -> Tokens:
    """The same tokens, a masked one after a single one: Keras warns of a softmax over one key."""
    if tokens.values.shape[1] > 1:
        return tokens
    return Tokens(ops.pad(tokens.values, ((0, 0), (0, 1), (0, 0))), ops.pad(tokens.mask, ((0, 0), (0, 1))))


class Positions(keras.layers.Layer):
    """Adds a learned vector to each place of a sequence: (B, T, D) -> (B, T, D)."""

    def build(self, shape: Any) -> None:
        self.places = self.add_weight(
            shape=tuple(shape[1:]), initializer=keras.initializers.RandomNormal(0.02), name="places"
        )

    def call(self, x: Any) -> Any:
        return x + self.places


def head(units: int, name: str) -> keras.Sequential:
    """An embedding (B, D) to logits (B, units), in float32 whatever the towers compute in."""
    return keras.Sequential(
        [
            keras.layers.Dropout(HEAD_DROPOUT, name=f"{name}_dropout"),
            keras.layers.Dense(units, dtype="float32", name=f"{name}_logits"),
        ],
        name=f"{name}_head",
    )
