"""A text tower on pretrained static token vectors."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Shape, Tensor
from mmzoo.declared import frozen_features
from mmzoo.errors import MMZooError, require
from mmzoo.modalities.text import Text
from mmzoo.tokenizers.longest_match import LongestMatch
from mmzoo.tokens import Tokens
from mmzoo.towers import assets, scoped, towers
from mmzoo.towers.embedding_attention import attend

WIDTH = 256
MOST = 65_536  # pieces
LONGEST = 16  # bytes; every lower-case piece of the vocabulary but 53 is this short


@towers.register("static_embedding_attention", serves="text")
def static_embedding_attention(
    x: Tensor, item: Text, *, width: int = 128, heads: int = 4, dropout: float = 0.3
) -> Tokens:
    """Pretrained token vectors, frozen, and self-attention over them (wordllama: 256 numbers a token, MIT).

    uint8 (B, L) -> `Tokens` (B, tokens, width). It brings its own tokenizer, longest match in the graph,
    in place of the input's.

    Args:
        heads: attention heads.
        dropout: share of a token's features, and of whole tokens, left out in training.

    Raises:
        MMZooError: the package `wordllama` is not installed, or the input is given as ids.
    """
    name = scoped(item)
    require(
        item.in_graph,
        f"Tower 'static_embedding_attention' brings its own tokenizer; leave out the one of input '{item.name}'.",
    )
    layer = frozen_features(item, static_tokens(item, item.tokens, name("frozen_features")))
    values, mask = layer(x)
    values = keras.layers.Dense(width, name=name("project"))(values)
    return attend(values, mask, item, heads, dropout)


def static_tokens(item: Text, length: int, name: str) -> StaticTokens:
    """The layer with wordllama's vectors, or with those that a saved model brings; all texts of a model share a table.

    Raises:
        MMZooError: the package is not installed.
    """
    pieces = assets.get(f"{item.name}_vocabulary.json", wordllama_pieces)
    require(
        0 < len(pieces) <= MOST and all(isinstance(p, str) and 0 < len(p.encode()) <= LONGEST for p in pieces),
        f"The vocabulary of input '{item.name}' must be up to {MOST} pieces of 1 to {LONGEST} bytes each; "
        "copy the model again.",
    )

    def first() -> StaticTokens:
        layer = StaticTokens(pieces, length, name=name)
        if not assets.restoring():
            layer.table.assign(wordllama_vectors(pieces))
        return layer

    layer: StaticTokens = assets.shared("static_tokens", first)
    if layer.name == name:
        return layer
    require(
        list(layer.tokenizer.pieces) == list(pieces),
        f"The vocabulary of input '{item.name}' is not that of the other texts; copy the model again.",
    )
    return StaticTokens(pieces, length, table=layer.table, name=name)


@keras.saving.register_keras_serializable("mmzoo")
class StaticTokens(keras.layers.Layer):
    """Raw bytes to rows of a frozen table: uint8 (B, L) -> float32 (B, length, 256) and its mask bool (B, length).

    Args:
        table: of another such layer, which this one shares; one of its own, if not given.
    """

    def __init__(self, pieces: Sequence[str], length: int, table: keras.Variable | None = None, **kwargs: Any) -> None:
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        if table is None:
            table = self.add_weight(shape=(len(pieces) + 1, WIDTH), trainable=False, name="table")
        self.table = table
        self.tokenizer = LongestMatch(length, pieces, name="tokenizer")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pieces": list(self.tokenizer.pieces), "length": self.tokenizer.length}

    def build(self, shape: Shape) -> None:
        """All of it is there already: Keras asks for this where a layer within another is made again."""

    def call(self, x: Tensor) -> tuple[Tensor, Tensor]:
        ids = self.tokenizer(x)
        return ops.take(self.table, ids, axis=0), ids > 0

    def on_host(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What `call` gives."""
        ids = self.tokenizer.on_host(rows)
        return np.asarray(self.table)[ids], ids > 0

    def sums_on_host(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The sum of a text's vectors float32 (B, 256), and whether there are any, bool (B, 1)."""
        ids, table = self.tokenizer.on_host(rows), np.asarray(self.table)
        return np.stack([table[own[own > 0]].sum(axis=0) for own in ids]), np.any(ids > 0, axis=1, keepdims=True)


def wordllama_pieces() -> list[str]:
    """The lower-case pieces of wordllama's vocabulary, a word's beginning marked by a space."""
    return sorted(wordllama_vocabulary())


def wordllama_vectors(pieces: list[str]) -> np.ndarray:
    """Their vectors, float16 (len(pieces) + 1, 256); row 0, the padding, is zero."""
    from safetensors.numpy import load_file

    (vectors,) = load_file(package_folder() / "weights" / "l2_supercat_256.safetensors").values()
    vocabulary = wordllama_vocabulary()
    rows = vectors[[vocabulary[piece] for piece in pieces]]
    return np.concatenate([np.zeros((1, WIDTH), np.float16), rows])


def wordllama_vocabulary() -> dict[str, int]:
    """Piece to row, of the pieces that a lower-cased text can hold."""
    config = json.loads((package_folder() / "tokenizers" / "l2_supercat_tokenizer_config.json").read_text("utf-8"))
    vocabulary = {piece.replace("\u2581", " "): row for piece, row in config["model"]["vocab"].items()}
    return {
        piece: row
        for piece, row in vocabulary.items()
        if piece == piece.lower() and len(piece.encode()) <= LONGEST and not (piece[0] == "<" and piece[-1] == ">")
    }


def package_folder() -> Path:
    """Where pip put wordllama; its data files are read, none of its code is run."""
    found = importlib.util.find_spec("wordllama")
    if found is None or found.origin is None:
        raise MMZooError(
            "Tower 'static_embedding_attention' needs wordllama; install it: pip install 'mmzoo[pretrained]'."
        )
    return Path(found.origin).parent
