"""FLOPs against counting by hand."""

from __future__ import annotations

import keras

from mmzoo.evaluation.cost import flops


def test_a_network_counted_by_hand() -> None:
    x = keras.Input((16, 16, 3), name="x")
    y = keras.layers.Conv2D(8, 3, padding="same", use_bias=False)(x)
    y = keras.layers.Dense(5, use_bias=False)(keras.layers.Flatten()(y))
    wanted = 2 * 16 * 16 * 9 * 3 * 8 + 2 * 16 * 16 * 8 * 5
    assert flops(keras.Model({"x": x}, y)) == wanted


def test_attention_is_counted() -> None:
    x = keras.Input((10, 16), name="x")
    y = keras.layers.MultiHeadAttention(2, 8, use_bias=False)(x, x)
    projections, scores = 4 * 2 * 10 * 16 * 16, 2 * 2 * 10 * 10 * 16
    found = flops(keras.Model({"x": x}, y))
    assert projections + scores <= found <= 1.1 * (projections + scores)


def test_an_ellipsis_is_counted() -> None:
    x = keras.Input((10, 16), name="x")
    y = keras.layers.EinsumDense("...a,ab->...b", output_shape=(5,))(x)
    assert flops(keras.Model({"x": x}, y)) == 2 * 10 * 16 * 5
