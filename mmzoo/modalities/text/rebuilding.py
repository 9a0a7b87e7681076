"""Texts, rebuilt as the tokens of their vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.choice import Tokenizer
from mmzoo.errors import require
from mmzoo.modalities.rebuilding import SALT, Rebuilding
from mmzoo.modalities.shown import Shown
from mmzoo.tokenizers.spelling import spelled

if TYPE_CHECKING:
    from mmzoo.modalities.text import Text

WIDTH = 64  # of the vector that is made for each place, and compared with every entry of the vocabulary
UNKNOWN = ("[UNK]", "<unk>")
"""What a vocabulary begins with, if it has an entry for what is not in it."""
MOST = 2**18
"""Logits of one example, at most."""


class Tokens(Rebuilding):
    """Which entry of the vocabulary each token is, by its id, and 0 where the text ends; nothing is asked behind that.

    A hidden token is an unknown one, or where the tokenizer has no such entry, is as if it were not there. So there is
    no id that only hidden ones have, which a tower would never meet again after the pretraining (Devlin et al. 2019,
    arXiv:1810.04805, section 3.1).
    """

    measures: ClassVar[str] = "accuracy"

    def __init__(self, item: Text) -> None:
        self.item, self.tokenizer = item, Tokenizer.of(item.tokenizer).name
        require(
            not item.in_graph,
            f"Text '{item.name}' is cut by '{self.tokenizer}' inside of the model, so that its tokens cannot be hidden "
            "or rebuilt; choose a tokenizer with a vocabulary: words, wordpiece, bpe or sentencepiece.",
        )
        size = item.size
        known = [entry.partition(" ")[0] for entry in item.vocabulary[:1]]
        self.hole = 1 if known and known[0] in UNKNOWN else 0
        require(
            item.tokens * size <= MOST,
            f"Text '{item.name}' has {item.tokens} tokens of {size:,} entries, which is too much to be rebuilt; "
            f"together up to {MOST:,} are: give it fewer tokens, or a tokenizer of a smaller size.",
        )
        super().__init__(item.shape, np.zeros(item.tokens, int), dict.fromkeys(range(item.tokens), size))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"token {k + 1}" for k in range(self.cells))

    def values(self, cell: int) -> tuple[str, ...]:
        return ("", *self.item.vocabulary)

    def target(self, value: Raw) -> np.ndarray:
        ids = self.item.decode(value).astype(np.float32)
        ids[np.count_nonzero(ids) + 1 :] = np.nan
        return ids

    def target_of(self, batch: Tensor) -> Tensor:
        import tensorflow as tf

        asked = tf.range(self.cells)[None] <= tf.math.count_nonzero(batch, axis=1, keepdims=True, dtype=tf.int32)
        return tf.where(asked, tf.cast(batch, tf.float32), np.float32(np.nan))

    def layers(self, embedding: Tensor, units: int, name: str) -> Tensor:
        """A vector for each place, from which one layer, the same for all places, tells the entry."""
        import keras

        x = keras.layers.Dense(self.cells * WIDTH, activation="gelu", name=f"{name}.hidden")(embedding)
        x = keras.layers.Reshape((self.cells, WIDTH), name=f"{name}.places")(x)
        x = keras.layers.Dense(units // self.cells, dtype="float32", name=f"{name}.cells")(x)
        return keras.layers.Reshape((units,), dtype="float32", name=f"{name}.units")(x)

    def hide(self, batch: Tensor, keys: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """So many of a text's own tokens, one at least; never all, and so none of a text of one.

        Where it ends is asked for too, so that an answer has an end.
        """
        import tensorflow as tf

        from mmzoo.draws import uniforms

        there = batch > 0
        chance = tf.where(there, uniforms(keys, SALT, (self.cells,)), 2.0)
        rank = tf.argsort(tf.argsort(chance, axis=1), axis=1)
        count = tf.reduce_sum(tf.cast(there, tf.int32), axis=1, keepdims=True)
        wanted = tf.cast(tf.round(share * tf.cast(count, tf.float32)), tf.int32)
        hidden = there & (rank < tf.minimum(tf.maximum(wanted, 1), count - 1))
        end = tf.range(self.cells)[None] == count
        asked = hidden | (end & tf.reduce_any(hidden, axis=1, keepdims=True))
        return tf.where(hidden, self.hole, batch), asked

    def readable(self, cells: np.ndarray) -> str:
        """The text as far as it is known, to its end."""
        ids = cells[: int(np.argmax(cells == 0)) if (cells == 0).any() else None]
        return spelled(self.tokenizer, [self.item.vocabulary[int(place) - 1] for place in ids[np.isfinite(ids)]])

    def to_file(self, cells: np.ndarray) -> tuple[str, bytes]:
        return ".txt", self.readable(cells).encode()

    def shown(self, cells: np.ndarray) -> Shown:
        return Shown(self.readable(cells))
