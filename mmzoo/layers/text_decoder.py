"""A Transformer decoder that writes a text about what it is given: taught, step by step, or whole in the graph."""

from __future__ import annotations

import math

import keras
from keras import ops

from mmzoo.aliases import Shape, Tensor
from mmzoo.tokens import far_below

END = 0
"""The token that ends an answer, pads it behind its end, and stands before its first token."""
NEVER = -1e30
"""The log-probability of a hypothesis that must not be chosen: finite, for minus infinity times 0 is no number."""

Caches = dict[str, Tensor]


@keras.saving.register_keras_serializable("mmzoo")
class DecoderBlock(keras.layers.Layer):
    """A pre-norm block: to the tokens before, to what is asked, and an MLP (Vaswani et al. 2017, arXiv:1706.03762).

    Its parts are called by `TextDecoder`, which knows what is remembered.
    """

    def __init__(self, width: int, heads: int, dropout: float, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.width, self.heads, self.rate = width, heads, dropout

        def dense(name: str, units: int = width, **more: object) -> keras.layers.Dense:
            return keras.layers.Dense(units, name=name, **more)

        def norm(name: str) -> keras.layers.LayerNormalization:
            return keras.layers.LayerNormalization(epsilon=1e-5, name=name)

        self.own_norm, self.source_norm, self.mlp_norm = norm("own_norm"), norm("source_norm"), norm("mlp_norm")
        self.own_query, self.own_key, self.own_value = dense("own_query"), dense("own_key"), dense("own_value")
        self.own_output = dense("own_output")
        self.query, self.key, self.value = dense("source_query"), dense("source_key"), dense("source_value")
        self.output_dense = dense("source_output")
        self.hidden, self.shrink = dense("mlp_hidden", 4 * width, activation="gelu"), dense("mlp_output")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "width": self.width, "heads": self.heads, "dropout": self.rate}

    def build(self, shape: Shape) -> None:
        for layer in (self.own_norm, self.source_norm, self.mlp_norm, self.own_query, self.own_key, self.own_value):
            layer.build((None, None, self.width))
        for layer in (self.own_output, self.query, self.key, self.value, self.output_dense, self.hidden):
            layer.build((None, None, self.width))
        self.shrink.build((None, None, 4 * self.width))

    def attended(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Attention of (R, Tq, width) over (R, Tk, width); `mask` bool (R or 1, Tq or 1, Tk)."""
        size = self.width // self.heads

        def split(x: Tensor) -> Tensor:
            return ops.transpose(ops.reshape(x, (-1, x.shape[1], self.heads, size)), (0, 2, 1, 3))

        scores = ops.matmul(split(query), ops.transpose(split(key), (0, 1, 3, 2))) / math.sqrt(size)
        weights = ops.softmax(ops.where(mask[:, None], scores, far_below(scores)))
        found = ops.transpose(ops.matmul(weights, split(value)), (0, 2, 1, 3))
        return ops.reshape(found, (-1, query.shape[1], self.width))

    def call(
        self,
        x: Tensor,
        own: tuple[Tensor, Tensor],
        own_mask: Tensor,
        source: tuple[Tensor, Tensor],
        source_mask: Tensor,
        training: bool = False,
    ) -> Tensor:
        """(R, T, width) -> (R, T, width).

        Args:
            own: keys and values of the tokens so far, of `self.own_norm(x)`.
            source: keys and values of what is asked.
        """
        found = self.attended(self.own_query(self.own_norm(x)), *own, own_mask)
        x = x + self.dropout(self.own_output(found), training=training)
        found = self.attended(self.query(self.source_norm(x)), *source, source_mask)
        x = x + self.dropout(self.output_dense(found), training=training)
        return x + self.dropout(self.shrink(self.hidden(self.mlp_norm(x))), training=training)


@keras.saving.register_keras_serializable("mmzoo")
class TextDecoder(keras.layers.Layer):
    """What was fused, and the tokens that it was fused of -> the ids of the likeliest text, and its log-probability.

    Embedding (B, any), values (B, S, any), which of them are real bool (B, S) -> float32 (B, tokens + 1): the ids of
    the answer, zeros behind its end, and in the last place the sum of the log-probabilities of its tokens and its end.
    It is found as by `mmzoo.decoding.Beam`, in a loop of the graph. In training nothing is written, and the output is
    zeros: what is trained is `taught`. Positions are learned, the output is tied to the embedding of the tokens (Press
    & Wolf 2017, arXiv:1608.05859).

    Args:
        vocabulary: ids, 0 for the end among them.
        tokens: of an answer, at most.
        beams, length_penalty: see `mmzoo.decoding.Beam`.
    """

    def __init__(
        self,
        vocabulary: int,
        tokens: int,
        *,
        width: int = 128,
        blocks: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        beams: int = 1,
        length_penalty: float = 0.6,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary, self.tokens, self.width, self.heads = vocabulary, tokens, width, heads
        self.rate, self.beams, self.length_penalty = dropout, beams, length_penalty
        self.fused, self.asked = keras.layers.Dense(width, name="fused"), keras.layers.Dense(width, name="asked")
        self.memory_norm = keras.layers.LayerNormalization(epsilon=1e-5, name="memory_norm")
        self.last_norm = keras.layers.LayerNormalization(epsilon=1e-5, name="last_norm")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        self.blocks = [DecoderBlock(width, heads, dropout, name=f"block{k}") for k in range(blocks)]

    def get_config(self) -> dict[str, object]:
        given = ("vocabulary", "tokens", "width", "heads", "beams", "length_penalty")
        own = {name: getattr(self, name) for name in given}
        return {**super().get_config(), **own, "blocks": len(self.blocks), "dropout": self.rate}

    def build(self, embedding_shape: Shape, values_shape: Shape, real_shape: Shape) -> None:
        self.fused.build(embedding_shape)
        self.asked.build(values_shape)
        for layer in (self.memory_norm, self.last_norm, *self.blocks):
            layer.build((None, None, self.width))
        first = keras.initializers.RandomNormal(0.02)
        self.words = self.add_weight(shape=(self.vocabulary, self.width), initializer=first, name="words")
        self.places = self.add_weight(shape=(self.tokens, self.width), initializer=first, name="places")
        self.bias = self.add_weight(shape=(self.vocabulary,), initializer="zeros", name="bias", dtype="float32")

    def compute_output_spec(self, embedding: Tensor, values: Tensor, real: Tensor, training: object = None) -> Tensor:
        return keras.KerasTensor((embedding.shape[0], self.tokens + 1), "float32")

    def call(self, embedding: Tensor, values: Tensor, real: Tensor, training: bool | None = None) -> Tensor:
        if training:
            return ops.zeros((ops.shape(embedding)[0], self.tokens + 1), "float32")
        return self.written(self.begin(embedding, values, real))

    def memory(self, embedding: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """What is asked, (B, 1 + S, width), and its mask (B, 1 + S): the embedding comes first, and is always there."""
        values = ops.where(mask[..., None], values, ops.zeros((), values.dtype))
        memory = ops.concatenate([self.fused(embedding)[:, None], self.asked(values)], axis=1)
        return self.memory_norm(memory), ops.concatenate([ops.ones_like(mask[:, :1]), mask], axis=1)

    def taught(self, embedding: Tensor, values: Tensor, mask: Tensor, ids: Tensor, training: bool = False) -> Tensor:
        """Log-probabilities float32 (B, tokens, vocabulary) of each token, where all before it are as in `ids`.

        Args:
            ids: of the right answers, int32 (B, tokens), zeros behind their ends.
        """
        memory, mask = self.memory(embedding, values, mask)
        before = ops.pad(ids[:, :-1], ((0, 0), (1, 0)), constant_values=END)
        x = self.dropout(self._embedded(before) + ops.cast(self.places, self.compute_dtype), training=training)
        places = ops.arange(self.tokens)
        causal = (places[None] <= places[:, None])[None]
        for block in self.blocks:
            normed = block.own_norm(x)
            own, source = (block.own_key(normed), block.own_value(normed)), (block.key(memory), block.value(memory))
            x = block(x, own, causal, source, mask[:, None], training=training)
        return self._log_probs(x)

    def begin(self, embedding: Tensor, values: Tensor, mask: Tensor) -> Caches:
        """What a decoder remembers before the first step: keys and values of what is asked, and none of its own.

        `mask` (B, 1 + S); of each block `source_key<k>` and `source_value<k>` (B, 1 + S, width), `own_key<k>` and
        `own_value<k>` (B, tokens, width).
        """
        memory, mask = self.memory(embedding, values, mask)
        caches = {"mask": mask}
        none = ops.zeros_like(memory[:, :1]) + ops.zeros((1, self.tokens, 1), memory.dtype)
        for k, block in enumerate(self.blocks):
            caches |= {f"source_key{k}": block.key(memory), f"source_value{k}": block.value(memory)}
            caches |= {f"own_key{k}": none, f"own_value{k}": none}
        return caches

    def step(self, tokens: Tensor, caches: Caches, position: Tensor) -> tuple[Tensor, Caches]:
        """What comes behind `tokens` int32 (R,) at `position` int32 (), see `mmzoo.decoding.Step`."""
        place = ops.take(self.places, position, axis=0)
        x = self._embedded(tokens[:, None]) + ops.cast(place, self.compute_dtype)
        places = ops.arange(self.tokens, dtype="int32")
        here = ops.cast(ops.equal(places, position), x.dtype)[None, :, None]
        before = (places <= position)[None, None]
        caches = dict(caches)
        for k, block in enumerate(self.blocks):
            normed = block.own_norm(x)
            caches[f"own_key{k}"] = caches[f"own_key{k}"] + here * block.own_key(normed)
            caches[f"own_value{k}"] = caches[f"own_value{k}"] + here * block.own_value(normed)
            own = caches[f"own_key{k}"], caches[f"own_value{k}"]
            source = caches[f"source_key{k}"], caches[f"source_value{k}"]
            x = block(x, own, before, source, caches["mask"][:, None])
        return self._log_probs(x)[:, 0], caches

    def _embedded(self, ids: Tensor) -> Tensor:
        return ops.cast(ops.take(self.words, ids, axis=0), self.compute_dtype) * math.sqrt(self.width)

    def _log_probs(self, x: Tensor) -> Tensor:
        x = ops.cast(self.last_norm(x), "float32")
        words = ops.cast(self.words, "float32")
        logits = ops.matmul(ops.reshape(x, (-1, self.width)), ops.transpose(words)) + self.bias
        return ops.reshape(ops.log_softmax(logits), (-1, x.shape[1], self.vocabulary))

    def written(self, caches: Caches) -> Tensor:
        """The best answer from what is remembered at first, float32 (B, tokens + 1); see the class.

        The same search as `mmzoo.decoding.Beam`, in operations that every export has.
        """
        beams, most = self.beams, self.tokens
        own = [name for name in caches if name.startswith("own_")]
        fixed = {name: ops.repeat(each, beams, axis=0) for name, each in caches.items() if name not in own}
        count = ops.shape(caches["mask"])[0]
        rows = ops.arange(count, dtype="int32")[:, None] * beams
        none = ops.zeros_like(rows) + ops.zeros((1, beams), "int32")  # (B, beams), whatever B is
        # All are the same at first; one of them counts.
        sums = ops.cast(none, "float32") + ops.where(ops.arange(beams) == 0, 0.0, NEVER)[None]
        places = ops.arange(most, dtype="int32")
        ids = none[..., None] + ops.zeros((1, 1, most), "int32")
        moving = [ops.repeat(caches[name], beams, axis=0) for name in own]
        state = (ops.zeros((), "int32"), ids, sums, none, ops.ones_like(none) < 0, none + END, *moving)

        def goes_on(place: Tensor, ids: Tensor, sums: Tensor, lengths: Tensor, ended: Tensor, *_: Tensor) -> Tensor:
            return ops.logical_and(place < most, ops.logical_not(ops.all(ended)))

        def step(
            place: Tensor, ids: Tensor, sums: Tensor, lengths: Tensor, ended: Tensor, tokens: Tensor, *moving: Tensor
        ) -> tuple[Tensor, ...]:
            given = {**fixed, **dict(zip(own, moving, strict=True))}
            log_probs, after = self.step(ops.reshape(tokens, (-1,)), given, place)
            log_probs = ops.reshape(log_probs, (-1, beams, self.vocabulary))
            is_end = (ops.arange(self.vocabulary) == END)[None, None]
            # What has ended goes on in one way: with the end token again.
            onwards = ops.where(ended[..., None], NEVER, sums[..., None] + log_probs)
            onwards = ops.where(ops.logical_and(ended[..., None], is_end), sums[..., None], onwards)
            long = ops.where(ended, lengths, place + 1)
            scores = onwards / self._penalty(long)[..., None]
            _, best = ops.top_k(ops.reshape(scores, (-1, beams * self.vocabulary)), beams)
            best = ops.cast(best, "int32")
            before, chosen = best // self.vocabulary, best % self.vocabulary
            at = ops.reshape(before + rows, (-1,))

            def taken(x: Tensor) -> Tensor:
                return ops.take(x, at, axis=0) if beams > 1 else x

            def of_beams(x: Tensor) -> Tensor:
                return ops.reshape(taken(ops.reshape(x, (-1, *x.shape[2:]))), (-1, *x.shape[1:]))

            flat = ops.reshape(onwards, (-1,))
            sums = ops.take(flat, best + rows * self.vocabulary, axis=0)
            was = of_beams(ops.cast(ended, "int32")) > 0
            ended = ops.logical_or(was, chosen == END)
            new = ops.where(ended, END, chosen)
            ids = of_beams(ids) + ops.cast(places == place, "int32")[None, None] * new[..., None]
            lengths = ops.where(was, of_beams(lengths), place + 1)
            return (place + 1, ids, sums, lengths, ended, chosen, *(taken(after[name]) for name in own))

        found = ops.while_loop(goes_on, step, state)
        return ops.concatenate([ops.cast(found[1][:, 0], "float32"), found[2][:, :1]], axis=-1)

    def _penalty(self, lengths: Tensor) -> Tensor:
        return ((5.0 + ops.cast(lengths, "float32")) / 6.0) ** self.length_penalty
