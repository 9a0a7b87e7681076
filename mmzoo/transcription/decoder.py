"""Whisper's decoder, by KerasHub's layers: from what its encoder made of a sound to the next token of what is said."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Shape, Tensor
from mmzoo.towers.whisper import Size, backbone, like

POSITIONS = 448
"""Of tokens: a text has no more, with those that it starts from."""


class Decoder(keras.layers.Layer):
    """A Transformer decoder (Radford et al. 2022, arXiv:2212.04356) whose embedding of tokens is also its last layer.

    int32 (B, T) and the encoder's tokens, float32 (B, S, hidden_dim) -> hidden states, float32 (B, T, hidden_dim).

    Token by token it needs two caches of keys and values: of what was read, (B, layers, 2, T, heads, D), and for each
    layer of what was heard, (B, 2, S, heads, D), which is computed once.

    Args:
        size: of the encoder that it belongs to.
        vocabulary: how many tokens there are.
    """

    def __init__(self, size: Size, vocabulary: int, **kwargs: object) -> None:
        super().__init__(**{"name": "decoder", **kwargs})
        self.size, self.vocabulary = size, vocabulary
        small, width = backbone(), size.hidden_dim
        (first,) = small.decoder_transformer_layers
        shapes = dict.fromkeys(("decoder_sequence_shape", "encoder_sequence_shape"), (None, None, width))
        self.embedding = like(
            small.decoder_embeddings, vocabulary_size=vocabulary, sequence_length=POSITIONS, embedding_dim=width
        )
        self.blocks = [
            like(
                first,
                name=f"{first.name.removesuffix('0')}{number}",
                num_heads=size.num_heads,
                intermediate_dim=4 * width,
                **shapes,
            )
            for number in range(size.num_layers)
        ]
        self.norm = like(small.decoder_layer_norm)

    def build(self, *shapes: Shape) -> None:
        self.embedding.build((None, None))  # the blocks know their shapes, and are built
        self.norm.build((None, None, self.size.hidden_dim))

    def call(self, tokens: Tensor, heard: Tensor) -> Tensor:
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, heard)
        return self.norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        """Hidden states (..., hidden_dim) -> float32 (..., vocabulary)."""
        return self.embedding.token_embedding(hidden, reverse=True)

    def start(self, tokens: Tensor, encoded: Tensor, longest: int) -> tuple[Tensor, tuple[Tensor, list[Tensor]]]:
        """The hidden state (B, hidden_dim) at the last of some first tokens (B, T), and the caches behind them.

        Args:
            encoded: the encoder's tokens (B, S, hidden_dim).
            longest: how many tokens the cache of what was read has room for.
        """
        count, layers, heads = ops.shape(encoded)[0], len(self.blocks), self.size.num_heads
        sides = heads, self.size.hidden_dim // heads
        read = ops.zeros((count, layers, 2, longest, *sides), encoded.dtype)
        heard = ops.zeros((count, 2, ops.shape(encoded)[1], *sides), encoded.dtype)
        return self._through(tokens, read, [heard] * layers, 0, encoded)

    def step(self, tokens: Tensor, read: Tensor, heard: list[Tensor], position: Tensor) -> tuple[Tensor, Tensor]:
        """The hidden state (B, hidden_dim) at tokens (B,) which stand at `position`, and what was read with them."""
        hidden, (read, _) = self._through(tokens[:, None], read, heard, position, None)
        return hidden, read

    def _through(
        self, tokens: Tensor, read: Tensor, heard: list[Tensor], position: Tensor | int, encoded: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, list[Tensor]]]:
        x, own, kept = self.embedding(tokens, start_index=position), [], []
        for number, block in enumerate(self.blocks):
            x, ours, theirs = block(
                x,
                x if encoded is None else encoded,  # it is not read where the cache is full
                self_attention_cache=read[:, number],
                self_attention_cache_update_index=position,
                cross_attention_cache=heard[number],
                cross_attention_cache_update_index=None if encoded is None else 0,
            )
            own.append(ours)
            kept.append(theirs)
        return self.norm(x)[:, -1], (ops.stack(own, axis=1), kept)
