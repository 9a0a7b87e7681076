"""Greedy longest match over a given vocabulary, inside the graph."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.tokenizers.bytewise import find, lower_case, shifted


@keras.saving.register_keras_serializable("mmzoo")
class LongestMatch(keras.layers.Layer):
    """Greedy longest match over a vocabulary of pieces ("MaxMatch", as WordPiece does within a word).

    From the left, the longest piece that the text goes on with is taken; a byte
    that begins no piece is passed over. A text is read as if a space stood before
    it, and pieces say with a leading space that they begin a word.

    Pieces are found by two 30-bit polynomial hashes of every substring and a
    binary search among the few that have the first bits in common; which matches are
    taken, by following all jumps at once: log2(L) times each place takes over where the
    place that it leads to leads.
    """

    MODULI = ((32749, 257), (32719, 263), (32717, 269), (32713, 271))  # (prime, base): products stay under 2**31

    def __init__(self, length: int, pieces: Sequence[str], **kwargs: Any) -> None:
        """`pieces`: the vocabulary; piece k has id k + 1."""
        super().__init__(**{"trainable": False, **kwargs})
        self.length, self.pieces = length, tuple(pieces)
        encoded = [piece.encode() for piece in pieces]
        self.longest = max(len(piece) for piece in encoded)
        hashes = [self._hashes(piece) for piece in encoded]
        order = sorted(range(len(pieces)), key=lambda k: hashes[k])
        self.first = np.array([hashes[k][0] for k in order], np.int32)
        self.second = np.array([hashes[k][1] for k in order], np.int32)
        # In 16 bits where they go in: in a file of 8-bit weights these tables are among the largest.
        small = np.int16 if len(pieces) < 2**15 else np.int32
        self.ids = (np.array(order) + 1).astype(small)
        self.starts = np.searchsorted(self.first // 2**15, np.arange(self.MODULI[0][0] + 1)).astype(small)
        self.most = int(np.diff(self.starts).max())
        if len(np.unique(self.first)) < len(pieces):
            raise ValueError("Two pieces of the vocabulary have the same hash.")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "length": self.length, "pieces": list(self.pieces)}

    def _hashes(self, piece: bytes) -> tuple[int, int]:
        parts = []
        for prime, base in self.MODULI:
            value = 0
            for byte in piece:
                value = (value * base + byte) % prime
            parts.append(value)
        return parts[0] * 2**15 + parts[1], parts[2] * 2**15 + parts[3]

    def call(self, x: Tensor) -> Tensor:
        x = lower_case(x)
        space = ops.where(x[:, :1] > 0, 32, 0)  # an empty text has no beginning of a word
        x = ops.concatenate([space, x], axis=1)
        # Made tensors once: each use of an array would put its own copy into the graph.
        table = [ops.convert_to_tensor(column) for column in (self.starts, self.first, self.second, self.ids)]
        # All places, lengths and primes at once: an operation of each takes more room in a file than its numbers.
        lengths = ops.arange(1, self.longest + 1, dtype="int32")
        follows = ops.stack([shifted(x, place) for place in range(self.longest)], axis=2)
        found = find(table, *self._hashed(follows), self.most) * ops.cast(follows > 0, "int32")
        piece_length = ops.max(ops.where(found > 0, lengths, 0), axis=2)
        piece_id = ops.sum(ops.where(lengths == piece_length[..., None], found, 0), axis=2)
        return self._followed(piece_id, ops.maximum(piece_length, 1))

    def on_host(self, rows: np.ndarray) -> np.ndarray:
        """What `call` gives for uint8 (B, L), by a dictionary of the pieces and of words in place of the graph."""
        out = np.zeros((len(rows), self.length), np.int32)
        for place, row in enumerate(rows):
            ids = self.host.ids(row.tobytes(), self.length)
            out[place, : len(ids)] = ids
        return out

    @property
    def host(self) -> OnHost:
        if not hasattr(self, "_host"):
            self._host = OnHost(self.pieces)
        return self._host

    def _hashed(self, follows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of the first 1, 2, ... P bytes of each row of int32 (B, L, P) both hashes, as of `_hashes`, (B, L, P).

        Before them the bits of the first hash above 15, which are at hand.
        """
        primes, bases = (ops.convert_to_tensor(np.array(each, np.int32)) for each in zip(*self.MODULI, strict=True))
        parts = follows[..., :1] % primes
        found = [parts]
        for place in range(1, self.longest):
            parts = (parts * bases + follows[..., place : place + 1]) % primes
            found.append(parts)
        every = ops.stack(found, axis=2)
        return every[..., 0], every[..., 0] * 2**15 + every[..., 1], every[..., 2] * 2**15 + every[..., 3]

    def _followed(self, piece_id: Tensor, jump: Tensor) -> Tensor:
        """The ids int32 (B, length) that are met from place 0 by going on `jump` (B, L) places each time.

        Args:
            piece_id: of the piece that begins at a place, (B, L); 0 where none does, which is passed over.
        """
        length = jump.shape[1]
        piece_id, jump = (ops.pad(each, ((0, 0), (0, 1))) for each in (piece_id, jump))  # the end, where all goes on to
        here = ops.zeros_like(jump) + ops.arange(length + 1, dtype="int32")
        onwards = ops.minimum(here + jump, length)
        # The first piece from each place on, itself if one begins there; by doubling, as all that follows.
        first = ops.where(piece_id > 0, here, onwards)
        for _ in range(length.bit_length()):
            first = ops.take_along_axis(first, first, axis=1)
        onwards = ops.take_along_axis(first, onwards, axis=1)
        places = first[:, :1]
        while places.shape[1] < self.length:
            places = ops.concatenate([places, ops.take_along_axis(onwards, places, axis=1)], axis=1)
            onwards = ops.take_along_axis(onwards, onwards, axis=1)
        return ops.take_along_axis(piece_id, places[:, : self.length], axis=1)


class OnHost:
    """Greedy longest match in plain Python.

    What is found from a word's end on does not depend on the word, if no piece goes on over a space but those of
    nothing else: then each word, with the spaces before it, is matched once and remembered.
    """

    MOST_REMEMBERED = 500_000
    WORD = re.compile(rb" +[^ ]*")
    LOWER = bytes.maketrans(bytes(range(65, 91)), bytes(range(97, 123)))

    def __init__(self, pieces: Sequence[str]) -> None:
        self.pieces = {piece.encode(): place for place, piece in enumerate(pieces, start=1)}
        self.longest = max(map(len, self.pieces))
        self.by_words = not any(b" " in piece[1:] and piece.strip(b" ") for piece in self.pieces)
        self.words: dict[bytes, list[int]] = {}

    def ids(self, data: bytes, most: int) -> list[int]:
        """The first ids of a row of bytes, which ends where only zeros follow."""
        if not data or data[0] == 0:
            return []
        data = b" " + data.translate(self.LOWER).rstrip(b"\0")
        if not self.by_words:
            return self._matched(data)[:most]
        found: list[int] = []
        for word in self.WORD.findall(data):
            if word not in self.words:
                if len(self.words) >= self.MOST_REMEMBERED:
                    self.words.clear()
                self.words[word] = self._matched(word)
            found += self.words[word]
            if len(found) >= most:
                break
        return found[:most]

    def _matched(self, data: bytes) -> list[int]:
        at, found = 0, []
        while at < len(data):
            for size in range(min(self.longest, len(data) - at), 0, -1):
                piece = self.pieces.get(data[at : at + size])
                if piece:
                    found.append(piece)
                    at += size
                    break
            else:
                at += 1
        return found
