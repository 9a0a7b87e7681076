"""Greedy longest match over a given vocabulary, inside the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.tokenizers.bytewise import find, gather_places, lower_case, shifted


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
        # One search for the substrings of all lengths: a search a length makes the graph fifteen times as large.
        parts = [ops.zeros_like(x) for _ in self.MODULI]
        first, second = [], []
        for place in range(self.longest):
            byte = shifted(x, place)
            parts = [(p * base + byte) % prime for p, (prime, base) in zip(parts, self.MODULI, strict=True)]
            first.append(parts[0] * 2**15 + parts[1])
            second.append(parts[2] * 2**15 + parts[3])
        every = find(table, ops.concatenate(first, axis=1), ops.concatenate(second, axis=1))
        piece_id, piece_length = ops.zeros_like(x), ops.ones_like(x)
        for place, found in enumerate(ops.split(every, self.longest, axis=1)):
            found = found * ops.cast(shifted(x, place) > 0, "int32")
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
