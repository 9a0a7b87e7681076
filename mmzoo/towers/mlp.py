"""Dense layers over the columns of a table."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.modalities.tabular import Tabular
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers
from mmzoo.towers.columns import column_vectors


@towers.register("mlp", serves="tabular")
def mlp(
    x: Tensor, item: Tabular, *, hidden: Sequence[int] | None = (128, 128), width: int = 12, dropout: float = 0.1
) -> Tokens:
    """Every column as a vector, all of them side by side through dense layers.

    float32 (B, places) -> `Tokens` (B, 1, hidden[-1]), without layers (B, 1, columns * width).
    Gorishniy et al. 2022, "On Embeddings for Numerical Features", arXiv:2203.05556.

    Args:
        hidden: widths of the layers; None for no layer: linear in the encoded columns.
        width: numbers in the vector of a column.
        dropout: share of each layer's features left out in training.
    """
    name = scoped(item)
    x = keras.layers.Flatten(name=name("flatten"))(column_vectors(x, item, width))
    for index, units in enumerate(hidden or ()):
        x = keras.layers.Dense(units, activation="relu", name=name(f"dense{index}"))(x)
        x = keras.layers.Dropout(dropout, name=name(f"dropout{index}"))(x)
    return Tokens(x[:, None], ops.ones_like(x[:, :1], dtype="bool"))
