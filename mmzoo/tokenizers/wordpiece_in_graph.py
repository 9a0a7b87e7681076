"""WordPiece inside the graph, from raw bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.options import Range
from mmzoo.tokenizers import tokenizers
from mmzoo.tokenizers.bytewise import lower_case, shifted
from mmzoo.tokenizers.hashed_words import shifted_right
from mmzoo.tokenizers.pieces import Table, find, followed, following, most_alike, table_of
from mmzoo.tokenizers.trained import WordPiece

LONGEST = 16  # bytes of a piece that is looked for
ASCII = ((33, 47), (58, 64), (91, 96), (123, 126))  # punctuation, as BERT has it


@tokenizers.register("wordpiece_in_graph", where="graph", vocabulary="trained")
class WordPieceInGraph:
    """What "wordpiece" is, in the graph: the model takes raw bytes, and a tower may stand beside one that does.

    Args:
        size: pieces of a vocabulary that is trained; of pretrained weights it is given to the `Text`.
    """

    def __init__(self, *, size: Annotated[int, Range(300, 65_535)] = 8192) -> None:
        self.size = size

    def train(self, texts: Iterable[str]) -> tuple[str, ...]:
        return tuple(WordPiece(size=self.size).train(text.lower() for text in texts))

    def layer(self, length: int, name: str, vocabulary: Sequence[str]) -> keras.layers.Layer:
        return WordPieces(length, vocabulary, name=name)


@keras.saving.register_keras_serializable("mmzoo")
class WordPieces(keras.layers.Layer):
    """The longest known pieces from the left, word by word: uint8 (B, L) -> ids int32 (B, length), zeros behind.

    A word ends at white space, and a character of ASCII's or of general punctuation is one by itself. Entry k of the
    vocabulary has id k + 1; "##" begins what goes on with a word. Capitals of ASCII are read as small, accents as they
    stand. Where no piece goes on a byte is passed over, where BERT takes the whole word for unknown; pieces of more
    than 16 bytes are not looked for.

    Pieces are found by two 30-bit polynomial hashes of every substring (`mmzoo.tokenizers.pieces`).
    """

    def __init__(self, length: int, vocabulary: Sequence[str], **kwargs: object) -> None:
        super().__init__(**{"trainable": False, **kwargs})
        self.length, self.vocabulary = length, tuple(vocabulary)
        marks = [entry.startswith("[") and entry.endswith("]") and len(entry) > 2 for entry in self.vocabulary]
        pieces: dict[bytes, int] = {}
        for place, (entry, mark) in enumerate(zip(self.vocabulary, marks, strict=True), start=1):
            piece = (entry[2:] if entry.startswith("##") and len(entry) > 2 else f" {entry}").encode()
            if not mark and len(piece) <= LONGEST:
                pieces.setdefault(piece, place)
        pieces = pieces or {b" ": 0}  # texts that say nothing have none; but a model of them can be made
        self.longest = max(map(len, pieces))
        self.table, order = table_of(list(pieces))
        self.ids = np.array(list(pieces.values()), np.int32)[order]
        self.most = most_alike(self.table)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "length": self.length, "vocabulary": list(self.vocabulary)}

    def compute_output_spec(self, x: Tensor) -> Tensor:
        return keras.KerasTensor((x.shape[0], self.length), "int32")

    def call(self, x: Tensor) -> Tensor:
        x = lower_case(x)
        starts = ops.cast(begins(x), "int32")
        follows = following(x, self.longest)
        # A word's first piece is known by the space before it.
        spaced = ops.concatenate([ops.where(follows[..., :1] > 0, 32, 0), follows[..., :-1]], axis=2)
        table = Table(*map(ops.convert_to_tensor, self.table))
        places, known = find(table, ops.where(starts[..., None] > 0, spaced, follows), self.most)
        found = ops.where(known, ops.take(ops.convert_to_tensor(self.ids), places), 0)
        lengths = ops.arange(1, self.longest + 1, dtype="int32")
        length = ops.max(ops.where(found > 0, lengths, 0), axis=2)
        ids = ops.sum(ops.where(lengths == length[..., None], found, 0), axis=2)
        return followed(ids, ops.maximum(length - starts, 1), self.length)


def begins(x: Tensor) -> Tensor:
    """Which bytes of int32 (B, L) begin a word, bool (B, L); those of punctuation do."""
    ascii = x < 0
    for first, last in ASCII:
        ascii = ops.logical_or(ascii, ops.logical_and(x >= first, x <= last))
    space = ops.logical_or(x == 32, ops.logical_and(x >= 9, x <= 13))
    # U+2010 to U+2027: dashes, quotation marks, the ellipsis.
    third = shifted(x, 2)
    general = ops.logical_and(
        ops.logical_and(x == 0xE2, shifted(x, 1) == 0x80), ops.logical_and(third >= 0x90, third <= 0xA7)
    )
    behind = ops.cast(ops.logical_or(ascii, space), "int32")
    first = ops.pad(ops.ones_like(x[:, :1]), ((0, 0), (0, x.shape[1] - 1)))
    after = shifted_right(behind) + ops.pad(ops.cast(general[:, :-3], "int32"), ((0, 0), (3, 0))) + first
    return ops.logical_or(after > 0, ops.logical_or(ascii, general))
