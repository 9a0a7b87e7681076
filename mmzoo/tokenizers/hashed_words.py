"""Words by their hash: no vocabulary at all, inside the graph."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.errors import check_number
from mmzoo.tokenizers import tokenizers
from mmzoo.tokenizers.bytewise import gather_places, lower_case, shifted


@tokenizers.register("hashed_words", where="graph")
class HashedWordsTokenizer:
    """Words by a hash, `buckets` of them; in the graph, from raw bytes.

    Words are runs of letters and digits; in scripts that write no spaces (Chinese, Japanese) and
    among emoji every character is one. No vocabulary travels with the model.
    """

    def __init__(self, *, buckets: int = 4096) -> None:
        check_number("The buckets of tokenizer 'hashed_words'", buckets, 2, 2**20, whole=True)
        self.buckets, self.size = buckets, buckets + 1

    def layer(self, length: int, name: str) -> keras.layers.Layer:
        return HashedWords(length, self.buckets, name=name)


class HashedWords(keras.layers.Layer):
    """Runs of letters, digits and non-ASCII bytes are words; a word's id is its hash modulo `buckets`, plus 1.

    A character of four bytes (emoji, rare Han) or of three that begin with E3 to E9 (kana, Han) is a
    word by itself. The hash is multilinear: the sum of each byte times a fixed odd number for its place
    in the word (Carter & Wegman 1979). Two words share an id with probability 1 / `buckets`.

    uint8 (B, L) -> int32 (B, length).
    """

    WORD_BYTES = 32  # bytes after these do not count

    def __init__(self, length: int, buckets: int, **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self.length, self.buckets = length, buckets
        places = np.random.RandomState(0).randint(1, 2**15, self.WORD_BYTES)
        self.factors = places.astype(np.int32) * 2 + 1

    def call(self, x: Any) -> Any:
        x = lower_case(x)
        starts, goes_on = word_bounds(x)
        run, total = ops.cast(starts, "int32"), ops.zeros_like(x)
        for place, factor in enumerate(self.factors):
            # `run` is 1 where the word that starts here still goes on at `place`.
            run = run * shifted(goes_on, place) if place else run
            total = total + run * shifted(x, place) * int(factor)
        return gather_places(total % self.buckets + 1, starts, self.length)


def word_bounds(x: Any) -> tuple[Any, Any]:
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


def shifted_right(x: Any) -> Any:
    """`x` (B, L) moved right by one, a zero coming in."""
    return ops.pad(x[:, :-1], ((0, 0), (1, 0)))
