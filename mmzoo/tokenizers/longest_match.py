"""Greedy longest match over a given vocabulary, inside the graph."""

from __future__ import annotations

import re
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.tokenizers.bytewise import lower_case
from mmzoo.tokenizers.pieces import Table, find, followed, following, most_alike, table_of


@keras.saving.register_keras_serializable("mmzoo")
class LongestMatch(keras.layers.Layer):
    """Greedy longest match over a vocabulary of pieces ("MaxMatch", as WordPiece does within a word).

    From the left, the longest piece that the text goes on with is taken; a byte
    that begins no piece is passed over. A text is read as if a space stood before
    it, and pieces say with a leading space that they begin a word.

    Pieces are found by two 30-bit polynomial hashes of every substring (`mmzoo.tokenizers.pieces`).
    """

    def __init__(self, length: int, pieces: Sequence[str], **kwargs: object) -> None:
        """`pieces`: the vocabulary; piece k has id k + 1."""
        super().__init__(**{"trainable": False, **kwargs})
        self.length, self.pieces = length, tuple(pieces)
        encoded = [piece.encode() for piece in pieces]
        self.longest = max(len(piece) for piece in encoded)
        table, order = table_of(encoded)
        # In 16 bits where they go in: in a file of 8-bit weights these tables are among the largest.
        small = np.int16 if len(pieces) < 2**15 else np.int32
        self.table = table._replace(starts=table.starts.astype(small))
        self.ids = (order + 1).astype(small)
        self.most = most_alike(table)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "length": self.length, "pieces": list(self.pieces)}

    def compute_output_spec(self, x: Tensor) -> Tensor:
        return keras.KerasTensor((x.shape[0], self.length), "int32")

    def call(self, x: Tensor) -> Tensor:
        x = lower_case(x)
        space = ops.where(x[:, :1] > 0, 32, 0)  # an empty text has no beginning of a word
        x = ops.concatenate([space, x], axis=1)
        # Made tensors once: each use of an array would put its own copy into the graph.
        table = Table(*map(ops.convert_to_tensor, self.table))
        lengths = ops.arange(1, self.longest + 1, dtype="int32")
        places, known = find(table, following(x, self.longest), self.most)
        found = ops.where(known, ops.cast(ops.take(ops.convert_to_tensor(self.ids), places), "int32"), 0)
        piece_length = ops.max(ops.where(found > 0, lengths, 0), axis=2)
        piece_id = ops.sum(ops.where(lengths == piece_length[..., None], found, 0), axis=2)
        return followed(piece_id, ops.maximum(piece_length, 1), self.length)

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
