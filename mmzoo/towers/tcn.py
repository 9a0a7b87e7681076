"""Temporal convolutional network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import keras
from keras import ops

from mmzoo.options import Range
from mmzoo.tokens import Tokens
from mmzoo.towers.sequence import sequence_tower, without_padding


@sequence_tower("tcn")
def tcn(
    tokens: Tokens,
    name: Callable[[str], str],
    *,
    width: int = 64,
    blocks: Annotated[int, Range(1, 16)] = 4,
    kernel: int = 3,
    dropout: float = 0.1,
) -> Tokens:
    """Causal convolutions whose steps double from block to block (Bai et al. 2018, arXiv:1803.01271).

    `Tokens` (B, T, any) -> (B, T, width). Token t sees what is at or before it, back to
    `2 (kernel - 1) (2**blocks - 1)` tokens.

    Args:
        width: filters; of a text, also the width of its embedding.
        blocks: residual blocks of two convolutions; block k looks back in steps of 2**k.
        dropout: share of the features left out after each convolution in training.
    """
    x = without_padding(tokens)
    for block in range(blocks):
        entry = x
        for half in range(2):
            label = f"block{block}_conv{half}"
            layer = keras.layers.Conv1D(width, kernel, padding="causal", dilation_rate=2**block, name=name(label))
            x = ops.relu(keras.layers.LayerNormalization(name=name(f"{label}_norm"))(layer(x)))
            x = keras.layers.Dropout(dropout, name=name(f"{label}_dropout"))(x)
        if entry.shape[-1] != width:
            entry = keras.layers.Dense(width, name=name(f"block{block}_entry"))(entry)
        # Padding comes after everything that is real or before its start: zeros keep it from speaking.
        x = ops.where(tokens.mask[..., None], ops.relu(x + entry), 0.0)
    return Tokens(x, tokens.mask)
