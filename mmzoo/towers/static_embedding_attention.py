"""A text tower on pretrained static token vectors."""

from __future__ import annotations

import json
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Shape, Tensor
from mmzoo.declared import frozen_features
from mmzoo.errors import require
from mmzoo.modalities.text import Text
from mmzoo.tokenizers.longest_match import LongestMatch
from mmzoo.tokens import Tokens
from mmzoo.towers import assets, scoped, towers
from mmzoo.towers.embedding_attention import attend
from mmzoo.weights import Weights, find, weights

WIDTH = 256
MOST = 65_536  # pieces
LONGEST = 16  # bytes; every lower-case piece of the vocabulary but 53 is this short
VECTORS = "wordllama/weights/l2_supercat_256.safetensors"
VOCABULARY = "wordllama/tokenizers/l2_supercat_tokenizer_config.json"

WORDLLAMA = weights.register(
    Weights(
        "wordllama",
        towers=("static_embedding_attention", "static_embedding_bag"),
        package="wordllama",
        version="0.4.0.post1",
        files={
            VECTORS: "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5",
            VOCABULARY: "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68",
        },
        install="pip install 'mmzoo[pretrained]'",
        licence="MIT",
        source="https://github.com/dleemiller/WordLlama",
        parameters=8_192_000,
        megabytes=18.2,
        note="Vectors of single tokens, 256 numbers each, mostly English.",
    )
)


@towers.register("static_embedding_attention", serves="text", tokenizer="own")
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
    named = WORDLLAMA.name, WORDLLAMA.towers[0]
    pieces = assets.get(f"{item.name}_vocabulary.json", wordllama_pieces, *named)
    require(
        0 < len(pieces) <= MOST and all(isinstance(p, str) and 0 < len(p.encode()) <= LONGEST for p in pieces),
        f"The vocabulary of input '{item.name}' must be up to {MOST} pieces of 1 to {LONGEST} bytes each; "
        "copy the model again.",
    )

    def first() -> StaticTokens:
        layer = StaticTokens(pieces, length, name=name)
        if not assets.restoring(*named):
            layer.table.assign(wordllama_vectors(pieces))
        return layer

    layer = assets.shared("static_tokens", first)
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

    def __init__(
        self, pieces: Sequence[str], length: int, table: keras.Variable | None = None, **kwargs: object
    ) -> None:
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        if table is None:
            table = self.add_weight(shape=(len(pieces) + 1, WIDTH), trainable=False, name="table")
        self.table = table
        self.tokenizer = LongestMatch(length, pieces, name="tokenizer")

    def get_config(self) -> dict[str, object]:
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

    (vectors,) = load_file(find(WORDLLAMA.name)[VECTORS]).values()
    vocabulary = wordllama_vocabulary()
    rows = vectors[[vocabulary[piece] for piece in pieces]]
    return np.concatenate([np.zeros((1, WIDTH), np.float16), rows])


def wordllama_vocabulary() -> dict[str, int]:
    """Piece to row, of the pieces that a lower-cased text can hold."""
    config = json.loads(find(WORDLLAMA.name)[VOCABULARY].read_text("utf-8"))
    vocabulary = {piece.replace("\u2581", " "): row for piece, row in config["model"]["vocab"].items()}
    return {
        piece: row
        for piece, row in vocabulary.items()
        if piece == piece.lower() and len(piece.encode()) <= LONGEST and not (piece[0] == "<" and piece[-1] == ">")
    }
