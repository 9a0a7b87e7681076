"""What transformers are made of, in towers and in fusions."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo import declared
from mmzoo.aliases import Shape, Tensor
from mmzoo.declared import Axis
from mmzoo.tokens import Tokens


@keras.saving.register_keras_serializable("mmzoo")
class Positions(keras.layers.Layer):
    """Adds a learned vector to each place of a sequence: (B, T, D) -> (B, T, D)."""

    def build(self, shape: Shape) -> None:
        self.places = self.add_weight(
            shape=tuple(shape[1:]), initializer=keras.initializers.RandomNormal(0.02), name="places"
        )

    def call(self, x: Tensor) -> Tensor:
        return x + self.places


@keras.saving.register_keras_serializable("mmzoo")
class Learned(keras.layers.Layer):
    """Learned vectors, the same for every example: (B, any, any) -> (B, count, dim). Of its input only B counts."""

    def __init__(self, count: int, dim: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.vectors = self.add_weight(shape=(count, dim), initializer="random_normal", name="vectors")

    def call(self, x: Tensor) -> Tensor:
        return ops.zeros_like(x[:, :1, :1], dtype=self.compute_dtype) + self.vectors


def gathered(tokens: dict[str, Tokens], present: Tensor, *, embedded: bool = False) -> Tokens:
    """All tokens of the modalities that are present in one sequence, zeros elsewhere.

    `Tokens` (B, T_m, D) each, bool (B, M) -> `Tokens` (B, sum of T_m, D). With
    `embedded`, a learned vector is added that says which modality a token is of.
    """
    values, masks = [], []
    for index, (name, (x, mask)) in enumerate(tokens.items()):
        masks.append(ops.logical_and(mask, present[:, index : index + 1]))
        if embedded:
            x = x + Learned(1, x.shape[-1], name=f"fusion.{name}.embedding")(x)
        values.append(ops.where(masks[-1][..., None], x, 0.0))
    return Tokens(ops.concatenate(values, axis=1), ops.concatenate(masks, axis=1))


def lengths(tokens: dict[str, Tokens]) -> Axis:
    """The modalities and the number of their tokens, as they stand side by side."""
    return [(name, each.values.shape[1]) for name, each in tokens.items()]


def at_least_two(tokens: Tokens) -> Tokens:
    """The same tokens, a masked one after a single one: Keras warns of a softmax over one key."""
    if tokens.values.shape[1] > 1:
        return tokens
    return Tokens(ops.pad(tokens.values, ((0, 0), (0, 1), (0, 0))), ops.pad(tokens.mask, ((0, 0), (0, 1))))


def transformer_block(
    values: Tensor,
    mask: Tensor,
    name: str,
    *,
    heads: int,
    hidden: int = 0,
    dropout: float = 0.0,
    source: Tensor | None = None,
    over: tuple[Axis, Axis] | None = None,
) -> Tensor:
    """A pre-norm block: `x + attention(norm(x))`, then `x + W2 gelu(W1 norm(x))` (Xiong et al. 2020, arXiv:2002.04745).

    Args:
        values: float (B, T, D), the tokens that ask.
        mask: bool (B, S), which of the tokens that are asked are real.
        name: prefix of the layers' names.
        hidden: width of the MLP's inner layer; 0 for four times D.
        source: float (B, S, D), the tokens that are asked; None asks the values themselves (S = T).
        over: in a fusion, whose tokens the queries and the keys are, so that its attention can be explained.

    Returns:
        float (B, T, D). What stands at a False place reaches no other place, if one place is True.
    """

    def norm(x: Tensor, part: str) -> Tensor:
        return keras.layers.LayerNormalization(epsilon=1e-5, name=f"{name}_{part}_norm")(x)

    width = values.shape[-1]
    query = norm(values, "attention")
    keys, mask = at_least_two(Tokens(query if source is None else norm(source, "source"), mask))
    attention = keras.layers.MultiHeadAttention(
        heads, max(width // heads, 1), dropout=dropout, name=f"{name}_attention"
    )
    if over:
        declared.attention(attention, *over)
    found = attention(query, keys, attention_mask=mask[:, None, :])
    values = values + keras.layers.Dropout(dropout, name=f"{name}_attention_dropout")(found)
    x = keras.layers.Dense(hidden or 4 * width, activation="gelu", name=f"{name}_mlp_hidden")(norm(values, "mlp"))
    x = keras.layers.Dense(width, name=f"{name}_mlp_output")(x)
    return values + keras.layers.Dropout(dropout, name=f"{name}_mlp_dropout")(x)
