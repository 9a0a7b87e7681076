"""The fusions that multiply, calculated again with NumPy in float64."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from mmzoo.errors import MMZooError
from tests.fusions.fusion_case import (
    COUNT,
    DIM,
    LENGTHS,
    MASKS,
    PRESENT,
    VALUES,
    Weights,
    answer,
    dense,
    fusion_model,
    gelu,
    linear,
    mean_and_max,
    normal,
    pooled,
    run,
    weights_of,
)


def product_of_factors(weights: Weights, function: object) -> np.ndarray:
    """The product over what is present of `function(U_m x_m + b_m)`."""
    x = pooled(VALUES)
    parts = [function(linear(x[:, m], weights, f"fusion.{name}.factor")) for m, name in enumerate(LENGTHS)]
    return np.where(PRESENT.T[..., None], parts, 1.0).prod(axis=0)


def test_tensor() -> None:
    found, weights = run("tensor", width=3)
    x = pooled(VALUES)
    parts = []
    for m, name in enumerate(LENGTHS):
        hidden = gelu(linear(x[:, m], weights, f"fusion.{name}.dense")) * PRESENT[:, m : m + 1]
        parts.append(np.c_[np.ones(COUNT), hidden])
    outer = np.einsum("bi,bj,bk->bijk", *parts).reshape(COUNT, -1)
    np.testing.assert_allclose(found, dense(outer, weights), atol=1e-5)


def test_tensor_that_is_too_large() -> None:
    fusion_model("tensor", width=57)
    with pytest.raises(MMZooError, match=r"3 inputs into 205,379 numbers an example; lower its width from 58"):
        fusion_model("tensor", width=58)


def test_low_rank_tensor() -> None:
    found, weights = run("low_rank_tensor", rank=3)
    x = pooled(VALUES) * PRESENT[..., None]
    wanted = np.ones((COUNT, 3 * DIM))
    for m, name in enumerate(LENGTHS):
        wanted *= linear(x[:, m], weights, f"fusion.{name}.factor")
    np.testing.assert_allclose(found, wanted.reshape(COUNT, 3, DIM).sum(1), atol=1e-5)


def test_low_rank_tensor_of_full_rank_is_the_tensor() -> None:
    dim = 2
    side = 2 * dim + 1
    rank = side**2
    values = {name: v[..., :dim] for name, v in VALUES.items()}
    model = fusion_model("low_rank_tensor", dim=dim, rank=rank)
    tensor = np.random.default_rng(2).normal(size=(side, side, side, dim))
    # One rank for every pair (i, j): the first factor picks i, the second j, the third holds the numbers.
    i, j = np.divmod(np.arange(rank), side)
    every = np.ones(dim)
    picks = [np.eye(side)[:, i, None] * every, np.eye(side)[:, j, None] * every, tensor[i, j].transpose(1, 0, 2)]
    for name, factor in zip(LENGTHS, picks, strict=True):
        factor = factor.reshape(side, rank * dim)
        model.get_layer(f"fusion.{name}.factor").set_weights([factor[1:], factor[0]])
    x = pooled(values) * PRESENT[..., None]
    ones = [np.c_[np.ones(COUNT), x[:, m]] for m in range(3)]
    np.testing.assert_allclose(answer(model, values), np.einsum("bi,bj,bk,ijkh->bh", *ones, tensor), atol=1e-5)


def test_the_factors_of_a_low_rank_tensor_train() -> None:
    model = fusion_model("low_rank_tensor")
    data = [array for k in VALUES for array in (VALUES[k].astype(np.float32), MASKS[k])]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model([*data, PRESENT], training=True) - 1.0))
    found = tape.gradient(loss, [v.value for v in model.trainable_variables])
    assert len(found) == 2 * len(LENGTHS)
    before = weights_of(model)
    keras.optimizers.SGD(0.01).apply(found, model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, found, strict=True):
        assert np.abs(gradient).max() > 0, f"{variable.path} gets no gradient"
        assert np.abs(variable - before[variable.path]).max() > 0, f"{variable.path} does not move"
    assert tf.reduce_mean(tf.square(model([*data, PRESENT]) - 1.0)) < loss


def test_mlb() -> None:
    found, weights = run("mlb", rank=6)
    np.testing.assert_allclose(found, linear(product_of_factors(weights, np.tanh), weights, "fusion.dense"), atol=1e-5)


def test_mfb() -> None:
    found, weights = run("mfb", factors=3)
    summed = product_of_factors(weights, np.array).reshape(COUNT, DIM, 3).sum(-1)
    root = np.sign(summed) * np.sqrt(np.abs(summed))
    np.testing.assert_allclose(found, root / np.linalg.norm(root, axis=1, keepdims=True), atol=1e-5)


def test_mfb_has_a_finite_slope_at_zero() -> None:
    model = fusion_model("mfb")
    for variable in model.trainable_variables:
        variable.assign(np.zeros(variable.shape))
    present = tf.constant(np.eye(3, dtype=bool)[[0, 1, 2, 0, 1]])
    data = [tf.constant(array) for k in VALUES for array in (VALUES[k].astype(np.float32), MASKS[k])]
    with tf.GradientTape() as tape:
        found = model([*data, present], training=False)
        loss = tf.reduce_sum(found)
    np.testing.assert_array_equal(found, np.zeros((COUNT, DIM)))
    for gradient in tape.gradient(loss, [v.value for v in model.trainable_variables]):
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 0


@pytest.mark.parametrize("target", [None, "c"])
def test_film(target: str | None) -> None:
    found, weights = run("film", target=target)
    target = target or "a"
    x = pooled(VALUES)
    others = x[:, [name != target for name in LENGTHS]].reshape(COUNT, -1)
    scale, shift = (linear(others, weights, f"fusion.{part}")[:, None] for part in ("scale", "shift"))
    inner = normal(linear(VALUES[target], weights, "fusion.dense"), 1e-3)
    modulated = VALUES[target] + gelu((1 + scale) * inner + shift)
    wanted = [mean_and_max(rows[mask]) for rows, mask in zip(modulated, MASKS[target], strict=True)]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_film_of_a_target_that_does_not_exist() -> None:
    with pytest.raises(MMZooError, match=r"no input for fusion 'film' to modulate called 'd'.* There are: a, b, c"):
        run("film", target="d")
