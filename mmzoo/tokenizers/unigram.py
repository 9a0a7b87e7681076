"""The likeliest pieces of a text under a unigram model, inside the graph."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Shape, Tensor
from mmzoo.tokenizers.bytewise import shifted
from mmzoo.tokenizers.pieces import STARTS, Table, find, followed, following, table_of

STEPS = 2**19
"""To a unit of a log probability: as whole numbers, sums are the same in whatever order they are made."""
NEVER = -(2**30)
UNLIKELY = 10  # so much less likely than the rarest piece is a character that is in none
ALIKE = 31  # hashes begin alike at most


@keras.saving.register_keras_serializable("mmzoo")
class Unigram(keras.layers.Layer):
    """SentencePiece's unigram model (Kudo 2018, arXiv:1804.10959): the pieces whose log probabilities sum to the most.

    uint8 (B, L), the UTF-8 bytes of a text in NFKC -> int32 (B, length): ids of pieces, 1 where a character is in none,
    then zeros. A text is read as if a space stood before it, of several spaces one counts, and those at the end do not.
    No piece goes on over a space: within a word, from its last character on, the best way from each character to the
    word's end is found in its turn (Viterbi 1967). Nothing of a character that is cut off is read.

    The vocabulary is in the layer's weights, `assign` fills them: whoever has them needs no other file.

    Args:
        size: of the vocabulary, in pieces.
        longest: characters of a piece at most.
    """

    def __init__(self, size: int, longest: int, length: int, **kwargs: object) -> None:
        super().__init__(**{"trainable": False, **kwargs})
        self.size, self.longest, self.length = size, longest, length

        def column(name: str, count: int) -> keras.Variable:
            return self.add_weight((count,), "zeros", "int32", trainable=False, name=name)

        self.table = Table(column("starts", STARTS), column("first", size), column("second", size))
        self.ids, self.scores = column("ids", size), column("scores", size)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "size": self.size, "longest": self.longest, "length": self.length}

    def build(self, shape: Shape) -> None:
        """All of it is there already: Keras asks for this where a layer within another is made again."""

    def assign(self, pieces: Sequence[str], scores: np.ndarray) -> None:
        """Take a vocabulary: piece k has id k + 1, the first is what a character is that is in none.

        Args:
            pieces: as many as `size`; a space says that a piece begins a word. An empty one is in no text.
            scores: their log probabilities, float32 (size,).
        """
        some = [place for place, piece in enumerate(pieces) if piece]
        table, order = table_of([[ord(character) for character in pieces[place]] for place in some])
        found = np.array(some, np.int32)[order]

        def filled(column: np.ndarray, rest: int) -> np.ndarray:
            return np.pad(column, (0, self.size - len(column)), constant_values=rest)

        columns = (table.starts, *(filled(column, 2**31 - 1) for column in table[1:]))  # above all hashes
        for variable, value in zip(self.table, columns, strict=True):
            variable.assign(value)
        self.ids.assign(filled(found + 1, 0))
        self.scores.assign(filled(np.rint(scores[found].astype(np.float64) * STEPS).astype(np.int32), 0))

    def compute_output_spec(self, x: Tensor) -> Tensor:
        return keras.KerasTensor((x.shape[0], self.length), "int32")

    def call(self, x: Tensor) -> Tensor:
        codes = characters(x)
        follows = following(codes, self.longest)
        places, known = find(Table(*map(ops.convert_to_tensor, self.table)), follows, ALIKE)
        ids = ops.where(known, ops.take(self.ids, places), 0)
        scores = ops.where(known, ops.take(self.scores, places), NEVER)
        single = ops.logical_and(ops.arange(self.longest) == 0, follows > 0)
        unknown = ops.logical_and(single, ids == 0)
        ids = ops.where(unknown, 1, ids)
        scores = ops.where(unknown, ops.min(self.scores) - UNLIKELY * STEPS, scores)
        chosen = best_lengths(scores, codes > 0)
        picked = ops.arange(self.longest, dtype="int32") == chosen[..., None]
        return followed(ops.sum(ops.where(picked, ids, 0), axis=2), chosen + 1, self.length)


def characters(x: Tensor) -> Tensor:
    """The characters of UTF-8 bytes (B, L), a space before them, as int32 (B, L + 1), then zeros.

    Of several spaces one is left, of those at the end none, and a character of which bytes are missing is left out.
    """
    x = ops.cast(x, "int32")
    x = ops.concatenate([ops.where(x[:, :1] > 0, 32, 0), x], axis=1)
    for code in (9, 10, 12, 13):
        x = ops.where(x == code, 32, x)
    further = ops.logical_and(x >= 0x80, x < 0xC0)
    size = 1 + sum(ops.cast(x >= least, "int32") for least in (0xC0, 0xE0, 0xF0))
    code, whole = ops.where(size > 1, x % ops.where(size == 2, 32, ops.where(size == 3, 16, 8)), x), ~further
    for place in (1, 2, 3):
        inside = size > place
        code = ops.where(inside, code * 64 + shifted(x, place) - 0x80, code)
        whole = ops.logical_and(whole, ops.logical_or(~inside, shifted(ops.cast(further, "int32"), place) > 0))
    after = shifted(x, 1)
    idle = ops.logical_and(x == 32, ops.logical_or(after == 32, after == 0))
    kept = ops.logical_and(whole, ~idle)
    return followed(ops.where(kept, code, 0), ops.where(whole, size, 1), x.shape[1])


def best_lengths(scores: Tensor, real: Tensor) -> Tensor:
    """How many further characters the piece takes that begins the best way from each place to the end, int32 (B, L).

    Args:
        scores: of the pieces of 1, 2, ... P characters from each place on, int32 (B, L, P).
        real: which places there are, bool (B, L), the first ones.
    """
    longest, length = scores.shape[2], scores.shape[1]
    scores, real = ops.transpose(scores, (1, 0, 2)), ops.cast(ops.transpose(real), "int32")
    places = ops.arange(length, dtype="int32")
    # How good the ways from the next P places are, next to that of the first of them: so they stay small.
    onwards = ops.zeros_like(scores[0])
    chosen = ops.zeros_like(onwards[:, :1]) + ops.zeros((length,), "int32")

    def step(number: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        place = last - number
        onwards, chosen = state
        total = ops.take(scores, place, axis=0) + onwards
        best = ops.max(total, axis=1, keepdims=True)
        length = ops.cast(ops.argmax(total, axis=1), "int32")[:, None]
        moved = ops.concatenate([best, onwards[:, : longest - 1]], axis=1) - best
        here = ops.take(real, place, axis=0)[:, None] > 0
        return ops.where(here, moved, 0), ops.where(places == place, length, chosen)

    count = ops.max(ops.sum(real, axis=0))
    last = count - 1
    return ops.fori_loop(0, count, step, (onwards, chosen))[1]
