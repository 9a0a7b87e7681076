"""Convolutions over a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
from keras import ops

from mmzoo.tokens import Tokens
from mmzoo.towers.sequence import sequence_tower, without_padding


@sequence_tower("cnn_1d")
def cnn_1d(
    tokens: Tokens,
    name: Callable[[str], str],
    *,
    width: int = 128,
    kernels: Sequence[int] = (3, 4, 5),
    dropout: float = 0.2,
) -> Tokens:
    """Filters of several lengths side by side (text CNN; Kim 2014, arXiv:1408.5882).

    `Tokens` (B, T, any) -> (B, T, width). The fusion's mean and maximum over the tokens are the
    paper's pooling over time.

    Args:
        width: filters, of all lengths together; of a text, also the width of its embedding.
        kernels: the lengths, in tokens.
        dropout: share of the inputs left out in training.
    """
    x = keras.layers.Dropout(dropout, name=name("dropout"))(without_padding(tokens))
    parts = []
    for index, kernel in enumerate(kernels):
        filters = width // len(kernels) + (index < width % len(kernels))
        parts.append(
            keras.layers.Conv1D(filters, kernel, padding="same", activation="relu", name=name(f"conv{index}"))(x)
        )
    return Tokens(ops.concatenate(parts, axis=-1), tokens.mask)
