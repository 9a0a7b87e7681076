"""Text towers that see which tokens a text has, and how much each says, but not their order: linear in TF-IDF."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Config, Tensor, Tree, Untyped
from mmzoo.choice import Tower
from mmzoo.declared import frozen_features
from mmzoo.errors import require
from mmzoo.modalities.text import Text
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers
from mmzoo.towers.sentence import sentence_vectors
from mmzoo.towers.static_embedding_attention import static_tokens

MOST_AT_ONCE = 65_536  # rows of a table that a batch is multiplied with whole


@towers.register("embedding_bag", serves="text")
def embedding_bag(x: Tensor, item: Text, *, width: int = 64, dropout: float = 0.3) -> Tokens:
    """The weighted sum of an embedding of each token (fastText; Joulin et al. 2016, arXiv:1607.01759).

    With the tokenizer "ngrams" the weights are TF-IDF, and the tower can do what a linear model of words and
    character n-grams does (Bojanowski et al. 2017, arXiv:1607.04606). A text as `item` decodes it -> `Tokens`
    (B, 1, width).

    Args:
        width: of the embedding.
        dropout: share of the tokens left out in training.
    """
    if item.in_graph:
        layer = frozen_features(item, item.tokenizer_layer(f"{item.name}.frozen_features"))
        found = layer(x)
    else:
        item.check_fitted()
        found = x
    return Tokens(*bag(found, item, width, dropout))


@towers.register("static_embedding_bag", serves="text")
def static_embedding_bag(x: Tensor, item: Text, *, width: int = 64, dropout: float = 0.3) -> Tokens:
    """What "embedding_bag" makes of the tokens, beside the mean of pretrained word vectors (wordllama, frozen).

    uint8 (B, L) -> `Tokens` (B, 1, 2 width).

    Args:
        width: of the embedding, and of what is made of the vectors.
        dropout: share of the tokens left out in training.

    Raises:
        MMZooError: the package `wordllama` is not installed, or the input is given as ids.
    """
    # Pieces of two bytes and more in the mean: with fewer places the rest of a text of many rare words is left out.
    length = max(item.max_bytes // 2, 1)
    vectors = static_tokens(item, length, scoped(item)("vectors")) if item.in_graph else None
    return beside(x, item, vectors, width, dropout)


@towers.register("sentence_bag", serves="text", frozen="sentence")
def sentence_bag(
    x: Tensor, item: Text, *, weights: str = "use_multilingual", width: int = 64, dropout: float = 0.3
) -> Tokens:
    """What "embedding_bag" makes of the tokens, beside the frozen vector of the whole text that "sentence" gives.

    uint8 (B, L) -> `Tokens` (B, 1, 2 width).

    Args:
        weights: of the tower "sentence", their name (`mmzoo list weights`).
        width: of the embedding, and of what is made of the vector.
        dropout: share of the tokens left out in training.

    Raises:
        MMZooError: the weights are not installed, or the input is given as ids.
    """
    vectors = sentence_vectors(item, weights, scoped(item)("vectors")) if item.in_graph else None
    return beside(x, item, vectors, width, dropout)


def beside(x: Tensor, item: Text, vectors: keras.layers.Layer | None, width: int, dropout: float) -> Tokens:
    """A bag of the input's tokens, and what is made of the sum of the vectors that another layer gives of its bytes."""
    name = scoped(item)
    require(
        vectors,
        f"Tower '{Tower.of(item.tower).name}' reads bytes; give input '{item.name}' the tokenizer 'ngrams'.",
    )
    assert vectors is not None
    layer = frozen_features(item, BagAndMean(item.tokenizer_layer(name("ids")), vectors, name=name("frozen_features")))
    *found, mean, real = layer(x)
    values, mask = bag(found if len(found) > 1 else found[0], item, width, dropout)
    projected = keras.layers.Dense(width, name=name("project"))(mean)
    return Tokens(ops.concatenate([values, projected[:, None]], axis=-1), ops.logical_or(mask, real))


def bag(found: Tree, item: Text, width: int, dropout: float) -> tuple[Tensor, Tensor]:
    """From ids (B, T), or ids and their weights, to the sum of their vectors (B, 1, width) and its mask (B, 1)."""
    name = scoped(item)
    ids, weights = found if isinstance(found, (tuple, list)) else (found, None)
    mask = ids > 0
    if weights is None:
        weights = ops.cast(mask, "float32")
        weights = weights / ops.sqrt(ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1.0))
    weights = keras.layers.Dropout(dropout, name=name("token_dropout"))(weights)
    values = EmbeddingBag(item.size, width, name=name("bag"))(ids, weights)
    return values[:, None], ops.any(mask, axis=1, keepdims=True)


@keras.saving.register_keras_serializable("mmzoo")
class EmbeddingBag(keras.layers.Layer):
    """The weighted sum of rows of a table: ids int32 (B, T), weights (B, T) -> (B, width). A weight at id 0 is 0.

    In training as a product of the table with the weights of all ids, most of them 0: the gradient is then a product
    too, many times faster than adding up the rows' own.
    """

    def __init__(self, size: int, width: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.size, self.width = size, width
        # Small: what is there at the beginning is noise, and of each text another.
        self.table = self.add_weight(
            shape=(size, width), initializer=keras.initializers.RandomNormal(stddev=0.01), name="table"
        )

    def call(self, ids: Tensor, weights: Tensor, training: bool = False) -> Tensor:
        weights = ops.cast(weights, self.compute_dtype)
        if not training or self.size > MOST_AT_ONCE:
            rows = ops.take(self.table, ids, axis=0)
            return ops.squeeze(ops.matmul(weights[:, None], ops.cast(rows, self.compute_dtype)), axis=1)
        count, most = ops.shape(ids)
        row = ops.broadcast_to(ops.arange(count, dtype="int32")[:, None], (count, most))
        places = ops.reshape(ops.stack([row, ids], axis=-1), (-1, 2))
        every = ops.scatter(places, ops.reshape(weights, (-1,)), (count, self.size))
        return ops.matmul(every, ops.cast(self.table, self.compute_dtype))


@keras.saving.register_keras_serializable("mmzoo")
class BagAndMean(keras.layers.Layer):
    """What two layers make of a text that never changes: the ids of its tokens, and the mean of its vectors.

    uint8 (B, L) -> what `tokens` puts out, the mean float32 (B, D) of length 1, and whether there is one (B, 1).

    Args:
        vectors: gives float32 (B, T, D), zeros for padding, and which are real (B, T).
    """

    def __init__(self, tokens: keras.layers.Layer, vectors: keras.layers.Layer, **kwargs: object) -> None:
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        self.tokens, self.vectors = tokens, vectors

    def get_config(self) -> dict[str, object]:
        parts = {"tokens": self.tokens, "vectors": self.vectors}
        return {**super().get_config(), **{k: keras.saving.serialize_keras_object(v) for k, v in parts.items()}}

    @classmethod
    def from_config(cls, config: Config) -> BagAndMean:
        parts = {k: keras.saving.deserialize_keras_object(config[k]) for k in ("tokens", "vectors")}
        return cls(**{**config, **parts})

    def call(self, x: Tensor) -> tuple[Tensor, ...]:
        found = self.tokens(x)
        values, mask = self.vectors(x)
        total = ops.sum(values, axis=1)  # padding is zeros
        norm = ops.sqrt(ops.sum(total * total, axis=1, keepdims=True))
        found = found if isinstance(found, tuple) else (found,)
        return *found, total / ops.maximum(norm, 1e-6), ops.any(ops.cast(mask, "bool"), axis=1, keepdims=True)

    @property
    def on_host(self) -> Untyped:
        """What `call` gives, by `on_host` of both; None where one of them has none."""
        return self._on_host if hasattr(self.tokens, "on_host") and hasattr(self.vectors, "sums_on_host") else None

    def _on_host(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        found = self.tokens.on_host(rows)
        total, real = self.vectors.sums_on_host(rows)
        norm = np.sqrt((total * total).sum(axis=1, keepdims=True))
        found = found if isinstance(found, tuple) else (found,)
        return *found, total / np.maximum(norm, np.float32(1e-6)), real
