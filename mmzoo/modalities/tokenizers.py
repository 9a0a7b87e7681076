"""Tokenizers that are part of the graph: raw UTF-8 bytes to token ids, in ops that every export format has.

Both take uint8 (B, L), zero padded, and yield int32 ids (B, length) with 0
for padding. ASCII letters are read in lower case; other scripts as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops


def lower_case(x: Any) -> Any:
    """The bytes (B, L) as int32, with A-Z as a-z."""
    x = ops.cast(x, "int32")
    return ops.where(ops.logical_and(x >= 65, x <= 90), x + 32, x)


def gather_places(values: Any, chosen: Any, length: int) -> Any:
    """The `values` (B, L) at the places where `chosen` is True, in order, in the first places of int32 (B, length)."""
    place = ops.cumsum(ops.cast(chosen, "float32"), axis=1) * ops.cast(chosen, "float32")
    wanted = ops.arange(1, length + 1, dtype="float32")
    picks = ops.cast(place[:, None, :] == wanted[None, :, None], "float32")
    # Ids are below 2**24, so the sums of one number and zeros are exact in float32.
    return ops.cast(ops.matmul(picks, ops.cast(values, "float32")[..., None])[..., 0], "int32")


class HashedWords(keras.layers.Layer):
    """Runs of letters, digits and non-ASCII bytes are words; a word's id is its hash modulo `buckets`, plus 1.

    The hash is multilinear: the sum of each byte times a fixed odd number for
    its place in the word (Carter & Wegman 1979). Two words share an id with
    probability 1 / `buckets`; no vocabulary has to travel with the model.
    """

    WORD_BYTES = 32  # bytes after these do not count

    def __init__(self, length: int, buckets: int, **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self.length, self.buckets = length, buckets
        places = np.random.RandomState(0).randint(1, 2**15, self.WORD_BYTES)
        self.factors = places.astype(np.int32) * 2 + 1

    def call(self, x: Any) -> Any:
        x = lower_case(x)
        digit = ops.logical_and(x >= 48, x <= 57)
        letter = ops.logical_or(ops.logical_and(x >= 97, x <= 122), x >= 128)
        inside = ops.logical_or(digit, letter)
        inside = ops.cast(inside, "int32")
        starts = inside * (1 - ops.pad(inside[:, :-1], ((0, 0), (1, 0)))) > 0
        run, total = inside, ops.zeros_like(x)
        for place, factor in enumerate(self.factors):
            run = run * shifted(inside, place)
            total = total + run * shifted(x, place) * int(factor)
        return gather_places(total % self.buckets + 1, starts, self.length)


class LongestMatch(keras.layers.Layer):
    """Greedy longest match over a vocabulary of pieces ("MaxMatch", as WordPiece does within a word).

    From the left, the longest piece that the text goes on with is taken; a byte
    that begins no piece is passed over. A text is read as if a space stood before
    it, and pieces say with a leading space that they begin a word.

    Pieces are found by two 30-bit polynomial hashes of every substring and a
    binary search; which matches are taken, by following all jumps at once
    (log2(L) squarings of the jump matrix).
    """

    MODULI = ((32749, 257), (32719, 263), (32717, 269), (32713, 271))  # (prime, base): products stay under 2**31

    def __init__(self, length: int, pieces: Sequence[bytes], **kwargs: Any) -> None:
        """`pieces`: the vocabulary; piece k has id k + 1."""
        super().__init__(trainable=False, **kwargs)
        self.length = length
        self.longest = max(len(piece) for piece in pieces)
        hashes = [self._hashes(piece) for piece in pieces]
        order = sorted(range(len(pieces)), key=lambda k: hashes[k])
        self.first = np.array([hashes[k][0] for k in order], np.int32)
        self.second = np.array([hashes[k][1] for k in order], np.int32)
        self.ids = np.array(order, np.int32) + 1
        if len(np.unique(self.first)) < len(pieces):
            raise ValueError("Two pieces of the vocabulary have the same hash.")

    def _hashes(self, piece: bytes) -> tuple[int, int]:
        parts = []
        for prime, base in self.MODULI:
            value = 0
            for byte in piece:
                value = (value * base + byte) % prime
            parts.append(value)
        return parts[0] * 2**15 + parts[1], parts[2] * 2**15 + parts[3]

    def call(self, x: Any) -> Any:
        x = lower_case(x)
        space = ops.where(x[:, :1] > 0, 32, 0)  # an empty text has no beginning of a word
        x = ops.concatenate([space, x], axis=1)
        # Made tensors once: each use of an array would put its own copy into the graph.
        table = [ops.convert_to_tensor(column) for column in (self.first, self.second, self.ids)]
        piece_id, piece_length = ops.zeros_like(x), ops.ones_like(x)
        parts = [ops.zeros_like(x) for _ in self.MODULI]
        for place in range(self.longest):
            byte = shifted(x, place)
            parts = [(p * base + byte) % prime for p, (prime, base) in zip(parts, self.MODULI, strict=True)]
            found = find(table, parts[0] * 2**15 + parts[1], parts[2] * 2**15 + parts[3])
            found = found * ops.cast(byte > 0, "int32")
            piece_id = ops.where(found > 0, found, piece_id)
            piece_length = ops.where(found > 0, place + 1, piece_length)
        taken = self._reached(piece_length)
        return gather_places(piece_id, ops.logical_and(taken, piece_id > 0), self.length)

    def _reached(self, jump: Any) -> Any:
        """Which places (B, L) are met from place 0 by going on `jump` (B, L) places each time."""
        length = jump.shape[1]
        here = ops.arange(length, dtype="int32")
        step = ops.cast((here + jump)[..., None] == here, "float32")
        reach = ops.minimum(step + ops.eye(length), 1.0)
        for _ in range((length - 1).bit_length()):
            reach = ops.minimum(ops.matmul(reach, reach), 1.0)
        return reach[:, 0] > 0


def find(table: Sequence[Any], first: Any, second: Any) -> Any:
    """The id of the piece with both hashes, by binary search in (first, second, id) sorted by the first; else 0."""
    firsts, seconds, ids = table
    last = firsts.shape[0] - 1
    low = ops.zeros_like(first)
    for bit in reversed(range(last.bit_length())):
        probe = ops.minimum(low + 2**bit, last)
        low = ops.where(ops.take(firsts, probe) <= first, probe, low)
    same = ops.logical_and(ops.take(firsts, low) == first, ops.take(seconds, low) == second)
    return ops.where(same, ops.take(ids, low), 0)


def shifted(x: Any, places: int) -> Any:
    """`x` (B, L) moved left by `places`, zeros coming in."""
    if places == 0:
        return x
    if places >= x.shape[1]:
        return ops.zeros_like(x)
    return ops.pad(x[:, places:], ((0, 0), (0, places)))
