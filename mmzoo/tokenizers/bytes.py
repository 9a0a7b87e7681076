"""Bytes as they are."""

from __future__ import annotations

import keras

from mmzoo.aliases import Tensor
from mmzoo.tokenizers import tokenizers
from mmzoo.tokenizers.bytewise import lower_case


@tokenizers.register("bytes", where="graph")
class BytesTokenizer:
    """Every byte of the text is a token (ByT5; Xue et al. 2022, arXiv:2105.13626); in the graph, from raw bytes."""

    size = 256

    def layer(self, length: int, name: str) -> keras.layers.Layer:
        return Bytes(length, name=name)


@keras.saving.register_keras_serializable("mmzoo")
class Bytes(keras.layers.Layer):
    """The first `length` bytes, A-Z as a-z: uint8 (B, L) -> int32 (B, length or L, the shorter)."""

    def __init__(self, length: int, **kwargs: object) -> None:
        super().__init__(**{"trainable": False, **kwargs})
        self.length = length

    def call(self, x: Tensor) -> Tensor:
        return lower_case(x[:, : self.length])
