"""Recurrent networks over a sequence."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import ops

from mmzoo.tokens import Tokens
from mmzoo.towers.sequence import sequence_tower

Names = Callable[[str], str]


@sequence_tower("lstm")
def lstm(tokens: Tokens, name: Names, *, width: int = 128, layers: int = 1, dropout: float = 0.2) -> Tokens:
    """Long short-term memory (Hochreiter & Schmidhuber 1997): what has been read so far, at every token.

    `Tokens` (B, T, any) -> (B, T, width).

    Args:
        width: cells of a layer; of a text, also the width of its embedding.
        layers: one on top of the other.
        dropout: share of each layer's inputs left out in training.
    """
    return recurrent(
        tokens, name, layers, dropout, lambda label: keras.layers.LSTM(width, return_sequences=True, name=label)
    )


@sequence_tower("gru")
def gru(tokens: Tokens, name: Names, *, width: int = 128, layers: int = 1, dropout: float = 0.2) -> Tokens:
    """Gated recurrent units (Cho et al. 2014, arXiv:1406.1078): what has been read so far, at every token.

    `Tokens` (B, T, any) -> (B, T, width).

    Args:
        width: cells of a layer; of a text, also the width of its embedding.
        layers: one on top of the other.
        dropout: share of each layer's inputs left out in training.
    """
    return recurrent(
        tokens, name, layers, dropout, lambda label: keras.layers.GRU(width, return_sequences=True, name=label)
    )


@sequence_tower("bilstm")
def bilstm(tokens: Tokens, name: Names, *, width: int = 128, layers: int = 1, dropout: float = 0.2) -> Tokens:
    """LSTM from both ends (Graves & Schmidhuber 2005): each token in the light of what is before and after it.

    `Tokens` (B, T, any) -> (B, T, width), half of it from each direction.

    Args:
        width: cells of a layer, both directions together; of a text, also the width of its embedding.
        layers: one on top of the other.
        dropout: share of each layer's inputs left out in training.
    """

    def both(label: str) -> keras.layers.Layer:
        return keras.layers.Bidirectional(
            keras.layers.LSTM(max(width // 2, 1), return_sequences=True, name="lstm"), name=label
        )

    return recurrent(tokens, name, layers, dropout, both)


def recurrent(
    tokens: Tokens, name: Names, layers: int, dropout: float, make: Callable[[str], keras.layers.Layer]
) -> Tokens:
    """Layers one on the other; padding is skipped, so it neither changes nor delays anything."""
    x = tokens.values
    for index in range(layers):
        x = keras.layers.Dropout(dropout, name=name(f"dropout{index}"))(x)
        x = make(name(f"recurrent{index}"))(x, mask=tokens.mask)
        x = ops.where(tokens.mask[..., None], x, 0.0)  # Keras' own mask, which nothing here reads, ends with this
    return Tokens(x, tokens.mask)
