"""What tells rebuilt pictures from real ones while a generator trains."""

from __future__ import annotations

import math

import keras
from keras import ops

from mmzoo.aliases import Shape, Tensor

SMALLEST = 4  # the side of the last map
SLOPE = 0.2  # of what is below 0
MOST = 8  # times as many channels as the first map has


class SpectralNormalization(keras.layers.Wrapper):
    """A linear layer divided by its largest singular value (Miyato et al. 2018, arXiv:1802.05957), and a bias.

    That value is found by power iteration, one step for each call in training; the gradient goes through it.

    Args:
        layer: `Dense` or `Conv2D` without a bias.
    """

    def build(self, shape: Shape) -> None:
        super().build(shape)
        kernel = self.layer.kernel
        start = keras.initializers.RandomNormal(seed=0)
        self.u = self.add_weight(shape=(1, kernel.shape[-1]), initializer=start, trainable=False, name="u")
        self.bias = self.add_weight(shape=(kernel.shape[-1],), initializer="zeros", name="bias")

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        kernel = ops.reshape(self.layer.kernel, (-1, self.layer.kernel.shape[-1]))
        constant = ops.stop_gradient(kernel)
        v = unit(ops.matmul(self.u, ops.transpose(constant)))
        u = unit(ops.matmul(v, constant))
        if training:
            self.u.assign(u)
        largest = ops.sum(ops.matmul(v, kernel) * u)
        return self.layer(x) / largest + self.bias


def unit(x: Tensor) -> Tensor:
    """A row (1, any) of length 1."""
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x)), 1e-12))


def discriminator(side: int, channels: int, condition: int, width: int) -> keras.Model:
    """From pictures (B, side, side, channels) and a condition (B, condition) to how real they are for it, (B, 1).

    Strided convolutions, and a projection on the condition (Miyato & Koyama 2018, "cGANs with Projection
    Discriminator", arXiv:1802.05637); the norm of each layer is 1.

    Args:
        width: channels of the first map; each next one has half the side and twice as many.
    """

    def normalized(layer: keras.layers.Layer) -> keras.layers.Layer:
        return SpectralNormalization(layer, dtype="float32")

    def linear(units: int) -> keras.layers.Layer:
        return normalized(keras.layers.Dense(units, use_bias=False, dtype="float32"))

    pixels = keras.Input((side, side, channels), dtype="float32")
    given = keras.Input((condition,), dtype="float32")
    x: Tensor = pixels
    for step in range(max(math.ceil(math.log2(side / SMALLEST)), 1)):
        filters = width * min(2**step, MOST)
        convolution = keras.layers.Conv2D(filters, 4, 2, padding="same", use_bias=False, dtype="float32")
        x = ops.leaky_relu(normalized(convolution)(x), SLOPE)
    x = ops.leaky_relu(linear(x.shape[-1])(keras.layers.Flatten(dtype="float32")(x)), SLOPE)
    fits = ops.sum(linear(x.shape[-1])(given) * x, axis=1, keepdims=True)
    return keras.Model([pixels, given], linear(1)(x) + fits)
