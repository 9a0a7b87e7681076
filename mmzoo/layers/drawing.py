"""What layers draw in training, and how more than one answer to one record is had outside of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import keras
from keras import ops

from mmzoo.aliases import Shape, Tensor

_given: ContextVar[Mapping[str, Tensor] | None] = ContextVar("given", default=None)


@contextmanager
def drawn(numbers: Mapping[str, Tensor]) -> Iterator[None]:
    """Inside, layers that draw take these for what is drawn, outside of training too.

    Args:
        numbers: float32 (B, `width`) from a standard normal distribution, by the name of the layer.
    """
    token = _given.set(numbers)
    try:
        yield
    finally:
        _given.reset(token)


class Drawing(keras.layers.Layer):
    """A layer that draws from a standard normal distribution in training, and outside of it gives what is likeliest."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.seeds = keras.random.SeedGenerator()

    @property
    def width(self) -> int:
        """How many numbers it draws for an example."""
        raise NotImplementedError

    def normal(self, like: Tensor, training: bool | None) -> Tensor | None:
        """What is drawn for the examples of `like` (B, any), float32 (B, width); None where nothing is."""
        if training:
            return keras.random.normal((ops.shape(like)[0], self.width), seed=self.seeds)
        return (_given.get() or {}).get(self.name)


@keras.saving.register_keras_serializable("mmzoo")
class Noise(Drawing):
    """An embedding with noise beside it, which is 0 outside training: float (B, D) -> float32 (B, D + width)."""

    def __init__(self, width: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self._width = width

    @property
    def width(self) -> int:
        return self._width

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "width": self.width}

    def compute_output_shape(self, shape: Shape) -> Shape:
        return (shape[0], (shape[-1] or 0) + self.width)

    def call(self, embedding: Tensor, training: bool | None = None) -> Tensor:
        noise = self.normal(embedding, training)
        if noise is None:
            noise = ops.zeros_like(embedding[:, :1]) * ops.zeros((1, self.width))
        return ops.concatenate([embedding, noise], axis=1)
