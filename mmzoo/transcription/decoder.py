"""Whisper's decoder, by KerasHub's layers: from what its encoder made of a sound to the next token of what is said."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.towers.whisper import Size, backbone, like, read_array

POSITIONS = 448
"""Of tokens: a text has no more, with those that it starts from."""


class Caches(NamedTuple):
    """What a decoder remembers of a batch, float32, records first.

    read: keys and values of the tokens so far, (B, layers, 2, T, heads, D).
    heard: of the encoder's tokens, (B, layers, 2, S, heads, D).
    """

    read: Tensor
    heard: Tensor


class Decoder(keras.layers.Layer):
    """A Transformer decoder (Radford et al. 2022, arXiv:2212.04356) whose embedding of tokens is also its last layer.

    int32 (B, T) and what was heard, float32 (B, S, hidden_dim) -> hidden states, float32 (B, T, hidden_dim).

    Args:
        size: of the encoder that it belongs to.
        vocabulary: how many tokens there are.
    """

    def __init__(self, size: Size, vocabulary: int, **kwargs: Any) -> None:
        super().__init__(**{"name": "decoder", **kwargs})
        self.size, self.vocabulary = size, vocabulary
        small = backbone()
        (first,) = small.decoder_transformer_layers
        self.embedding = like(
            small.decoder_embeddings,
            vocabulary_size=vocabulary,
            sequence_length=POSITIONS,
            embedding_dim=size.hidden_dim,
        )
        self.blocks = [
            like(
                first,
                name=f"{first.name.removesuffix('0')}{number}",
                num_heads=size.num_heads,
                intermediate_dim=4 * size.hidden_dim,
                decoder_sequence_shape=(None, None, size.hidden_dim),
                encoder_sequence_shape=(None, None, size.hidden_dim),
            )
            for number in range(size.num_layers)
        ]
        self.norm = like(small.decoder_layer_norm)

    def build(self, tokens: Any = None, heard: Any = None) -> None:
        width = (None, None, self.size.hidden_dim)
        self.embedding.build((None, None))
        self.norm.build(width)
        self.built = True

    def call(self, tokens: Tensor, heard: Tensor) -> Tensor:
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, heard)
        return self.norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        """Hidden states (..., hidden_dim) -> float32 (..., vocabulary)."""
        return self.embedding.token_embedding(hidden, reverse=True)

    def start(self, tokens: Tensor, heard: Tensor, longest: int) -> tuple[Tensor, Caches]:
        """The hidden state (B, hidden_dim) at the last of some first tokens (B, T), and caches with room for `longest`."""
        count, heads = ops.shape(heard)[0], self.size.num_heads
        shape = (len(self.blocks), 2, -1, heads, self.size.hidden_dim // heads)
        empty = [ops.zeros((count, *(longest if side < 0 else side for side in shape)))]
        room = ops.zeros((count, *(ops.shape(heard)[1] if side < 0 else side for side in shape)))
        return self._through(tokens, Caches(*empty, room), 0, heard)

    def step(self, tokens: Tensor, caches: Caches, position: Tensor) -> tuple[Tensor, Caches]:
        """The hidden state (B, hidden_dim) at tokens (B,) that stand at `position`, and the caches with them."""
        return self._through(tokens[:, None], caches, position, None)

    def _through(self, tokens: Tensor, caches: Caches, position: Tensor, heard: Tensor | None) -> tuple[Tensor, Caches]:
        x = self.embedding(tokens, start_index=position)
        read, kept = [], []
        for number, block in enumerate(self.blocks):
            x, own, cross = block(
                x,
                x if heard is None else heard,  # the cache has it
                self_attention_cache=caches.read[:, number],
                self_attention_cache_update_index=position,
                cross_attention_cache=caches.heard[:, number],
                cross_attention_cache_update_index=None if heard is None else 0,
            )
            read.append(own)
            kept.append(cross)
        caches = Caches(ops.stack(read, axis=1), caches.heard if heard is None else ops.stack(kept, axis=1))
        return self.norm(x)[:, -1], caches


def load(decoder: Decoder, tensors: dict[str, Any]) -> None:
    """The weights of a CTranslate2 file into a decoder."""
    decoder.build()
    for variable in decoder.weights:
        variable.assign(read_array(variable.path.removeprefix("decoder/"), variable.shape, tensors))
