"""InceptionTime: convolutions of several lengths side by side, block upon block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.options import Range
from mmzoo.tokens import Tokens, far_below
from mmzoo.towers.sequence import sequence_tower, without_padding


@sequence_tower("inception_time")
def inception_time(
    tokens: Tokens,
    name: Callable[[str], str],
    *,
    width: int = 64,
    blocks: Annotated[int, Range(1, 16)] = 3,
    kernel: int = 40,
    dropout: float = 0.1,
) -> Tokens:
    """Long, middle and short filters and a maximum side by side, with shortcuts (Fawaz et al. 2020, arXiv:1909.04939).

    `Tokens` (B, T, any) -> (B, T, width). The paper has a width of 128 and six blocks; fewer records are enough here.

    Args:
        width: filters of a block, a quarter of each kind; of a text, also the width of its embedding.
        blocks: one behind the other; there is a shortcut over each three.
        kernel: steps of the longest filters; the others have a half and a quarter of it.
        dropout: share of the last features left out in training.
    """
    parts = [width // 4 + (place < width % 4) for place in range(4)]
    x = entry = without_padding(tokens)
    real = tokens.mask[..., None]
    for block in range(blocks):
        if (narrow := max(parts[0], 1)) < x.shape[-1]:
            narrowed = keras.layers.Dense(narrow, use_bias=False, name=name(f"block{block}_narrow"))(x)
        else:
            narrowed = x
        found = [
            keras.layers.Conv1D(
                part, max(kernel >> place, 1), padding="same", use_bias=False, name=name(f"block{block}_conv{place}")
            )(narrowed)
            for place, part in enumerate(parts[:3])
        ]
        # Padding counts for nothing, not even for 0.
        highest = ops.max_pool(ops.where(real, x, far_below(x)), 3, strides=1, padding="same")
        highest = ops.where(real, highest, 0.0)
        found.append(keras.layers.Dense(parts[3], use_bias=False, name=name(f"block{block}_highest"))(highest))
        x = normed(ops.concatenate(found, axis=-1), tokens, name(f"block{block}_norm"))
        if block % 3 == 2:
            shortcut = keras.layers.Dense(width, use_bias=False, name=name(f"block{block}_shortcut"))(entry)
            x = x + normed(shortcut, tokens, name(f"block{block}_shortcut_norm"))
        x = ops.where(real, ops.relu(x), 0.0)
        if block % 3 == 2:
            entry = x
    return Tokens(keras.layers.Dropout(dropout, name=name("dropout"))(x), tokens.mask)


def normed(x: Tensor, tokens: Tokens, name: str) -> Tensor:
    """Batch normalisation by the real steps alone."""
    return keras.layers.BatchNormalization(momentum=0.9, name=name)(x, mask=tokens.mask)
