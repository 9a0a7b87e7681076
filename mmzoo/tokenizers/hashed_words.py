"""Words by their hash: no vocabulary at all, inside the graph."""

from __future__ import annotations

from typing import Annotated

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.options import Range
from mmzoo.tokenizers import tokenizers
from mmzoo.tokenizers.bytewise import lower_case, summed


@tokenizers.register("hashed_words", where="graph")
class HashedWordsTokenizer:
    """Words by a hash, `buckets` of them; in the graph, from raw bytes.

    Words are runs of letters and digits; in scripts that write no spaces (Chinese, Japanese) and
    among emoji every character is one. No vocabulary travels with the model.
    """

    def __init__(self, *, buckets: Annotated[int, Range(2, 2**20)] = 4096) -> None:
        self.buckets, self.size = buckets, buckets + 1

    def layer(self, length: int, name: str) -> keras.layers.Layer:
        return HashedWords(length, self.buckets, name=name)


@keras.saving.register_keras_serializable("mmzoo")
class HashedWords(keras.layers.Layer):
    """Runs of letters, digits and non-ASCII bytes are words; a word's id is its hash modulo `buckets`, plus 1.

    A character of four bytes (emoji, rare Han) or of three that begin with E3 to E9 (kana, Han) is a
    word by itself. The hash is multilinear: the sum of each byte times a fixed odd number for its place
    in the word (Carter & Wegman 1979). Two words share an id with probability 1 / `buckets`.

    uint8 (B, L) -> int32 (B, length).
    """

    WORD_BYTES = 32  # bytes after these do not count

    def __init__(self, length: int, buckets: int, **kwargs: object) -> None:
        super().__init__(**{"trainable": False, **kwargs})
        self.length, self.buckets = length, buckets
        places = np.random.RandomState(0).randint(1, 2**15, self.WORD_BYTES)
        self.factors = places.astype(np.int32) * 2 + 1

    def compute_output_spec(self, x: Tensor) -> Tensor:
        return keras.KerasTensor((x.shape[0], self.length), "int32")

    def call(self, x: Tensor) -> Tensor:
        x = lower_case(x)
        starts, goes_on = word_bounds(x)
        word = ops.cumsum(ops.cast(starts, "int32"), axis=1)
        within = word[:, None] == ops.arange(1, self.length + 1, dtype="int32")[:, None]
        place = ops.arange(x.shape[1], dtype="int32")
        begins = summed(place * ops.cast(starts, "int32"), within)
        offset = place - ops.take_along_axis(begins, ops.clip(word - 1, 0, self.length - 1), axis=1)
        counts = ops.logical_and(ops.logical_or(starts, goes_on > 0), offset < self.WORD_BYTES)
        factor = ops.take(self.factors, ops.clip(offset, 0, self.WORD_BYTES - 1))
        total = summed(x * factor * ops.cast(counts, "int32"), within)
        return ops.where(ops.any(within, axis=2), total % self.buckets + 1, 0)


def word_bounds(x: Tensor) -> tuple[Tensor, Tensor]:
    """Of bytes int32 (B, L): where words start, bool, and which bytes belong to the word of the byte before, int32."""
    digit = ops.logical_and(x >= 48, x <= 57)
    letter = ops.logical_or(ops.logical_and(x >= 97, x <= 122), x >= 128)
    inside = ops.cast(ops.logical_or(digit, letter), "int32")
    lone = ops.logical_or(ops.logical_and(x >= 0xE3, x <= 0xE9), x >= 0xF0)  # leads a character that is a word
    follows = ops.cast(ops.logical_and(x >= 0x80, x < 0xC0), "int32")  # a further byte of a character
    lead = 1 - follows
    in_lone = ops.cast(lone, "int32")
    for _ in range(3):
        in_lone = ops.maximum(in_lone, follows * shifted_right(in_lone))
    before = shifted_right(inside)
    # A word starts after none, at a lone character, and after one.
    starts = inside * lead * ops.maximum(1 - before, ops.maximum(ops.cast(lone, "int32"), shifted_right(in_lone)))
    starts = ops.maximum(starts, inside * (1 - before))
    return starts > 0, inside * (1 - starts)


def shifted_right(x: Tensor) -> Tensor:
    """`x` (B, L) moved right by one, a zero coming in."""
    return ops.pad(x[:, :-1], ((0, 0), (1, 0)))
