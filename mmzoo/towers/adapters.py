"""Adapters: small layers between the frozen blocks of a pretrained network."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import keras
from keras import ops

from mmzoo.aliases import Shape, Tensor


@keras.saving.register_keras_serializable("mmzoo")
class Adapter(keras.layers.Layer):
    """`x + W gelu(V x)` with V to a few numbers: (B, ..., D) -> (B, ..., D) (Houlsby et al. 2019, arXiv:1902.00751).

    W begins at zero, so that a new adapter changes nothing.
    """

    def __init__(self, width: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.down = keras.layers.Dense(width, activation="gelu", name="down")
        self.width = width

    def build(self, shape: Shape) -> None:
        self.up = keras.layers.Dense(shape[-1], kernel_initializer="zeros", name="up")
        self.down.build(shape)
        self.up.build((*shape[:-1], self.width))

    def call(self, x: Tensor) -> Tensor:
        return ops.add(x, self.up(self.down(x)))


def with_adapters(model: keras.Model, behind: Callable[[keras.layers.Layer], bool], width: int) -> keras.Model:
    """The same layers, frozen, with an adapter behind each for which `behind` is true; the adapters train.

    Args:
        width: numbers in the middle of an adapter.
    """
    for layer in model.layers:
        layer.trainable = False
    numbers = count(1)

    def call(layer: keras.layers.Layer, *args: object, **kwargs: object) -> Tensor:
        out = layer(*args, **kwargs)
        return Adapter(width, name=f"adapter{next(numbers)}")(out) if behind(layer) else out

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
