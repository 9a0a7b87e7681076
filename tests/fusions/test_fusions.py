"""What every feature-level fusion promises, and the formulas of the simple ones in NumPy float64."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from mmzoo.errors import MMZooError
from mmzoo.fusions import fusions
from tests.fusions.fusion_case import (
    COUNT,
    DIM,
    LENGTHS,
    MASKS,
    PRESENT,
    RNG,
    VALUES,
    answer,
    dense,
    fusion_model,
    gelu,
    linear,
    pooled,
    run,
    sigmoid,
)

FEATURE = fusions.names(level="feature")


@pytest.mark.parametrize("name", FEATURE)
def test_masked_tokens_and_the_order_of_tokens_do_not_count(name: str) -> None:
    model = fusion_model(name)
    found = answer(model)
    assert found.dtype == np.float32
    assert len(found) == COUNT
    poisoned = {k: np.where(MASKS[k][..., None], v, 1e3) for k, v in VALUES.items()}
    np.testing.assert_array_equal(answer(model, poisoned), found)
    order = {k: RNG.permutation(n) for k, n in LENGTHS.items()}
    shuffled = answer(
        model, {k: v[:, order[k]] for k, v in VALUES.items()}, {k: m[:, order[k]] for k, m in MASKS.items()}
    )
    np.testing.assert_allclose(shuffled, found, atol=1e-5)


@pytest.mark.parametrize("name", FEATURE)
def test_nothing_present_is_finite(name: str) -> None:
    assert np.isfinite(answer(fusion_model(name), present=np.zeros_like(PRESENT))).all()


@pytest.mark.parametrize("name", fusions.names(level="feature", absent="left out"))
def test_what_is_left_out_may_be_anything(name: str) -> None:
    model = fusion_model(name)
    poisoned = {k: np.where(PRESENT[:, m, None, None], v, 1e3) for m, (k, v) in enumerate(VALUES.items())}
    np.testing.assert_array_equal(answer(model, poisoned), answer(model))


@pytest.mark.parametrize("name", FEATURE)
def test_one_modality_of_one_token(name: str) -> None:
    model = fusion_model(name, names="b")
    here = np.array([[True]] * 4 + [[False]])
    assert np.isfinite(answer(model, {"b": VALUES["b"]}, {"b": MASKS["b"]}, here)).all()


def test_counts_are_whole_numbers() -> None:
    with pytest.raises(MMZooError, match="'heads' of fusion 'perceiver' must be a whole number from 1 to 4096, not 0"):
        run("perceiver", heads=0)


def test_concat() -> None:
    found, weights = run("concat")
    np.testing.assert_allclose(found, dense(pooled(VALUES).reshape(COUNT, -1), weights), atol=1e-5)


def test_side_by_side() -> None:
    found, weights = run("side_by_side")
    means = np.where(PRESENT[..., None], pooled(VALUES)[..., :DIM], 0.0)
    np.testing.assert_allclose(found, means.reshape(COUNT, -1), atol=1e-6)
    assert not weights


def test_weighted_learned() -> None:
    found, weights = run("weighted")
    x = pooled(VALUES)
    scores = np.where(PRESENT, (x @ weights["fusion.score/kernel"])[..., 0], -np.inf)
    np.testing.assert_allclose(found, (softmax(scores, axis=1)[..., None] * x).sum(1), atol=1e-5)


def test_weighted_fixed() -> None:
    alpha = np.array([0.5, 0.3, 0.2])
    found, _ = run("weighted", alpha=alpha.tolist())
    kept = PRESENT * alpha
    wanted = ((kept / kept.sum(1, keepdims=True))[..., None] * pooled(VALUES)).sum(1)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_weighted_needs_one_alpha_an_input() -> None:
    with pytest.raises(MMZooError, match="one alpha above 0 for each of the 3 inputs"):
        run("weighted", alpha=[0.5, 0.5])


@pytest.mark.parametrize(
    ("name", "reduce"), [("sum", np.sum), ("mean", np.mean), ("max", np.max), ("product", np.prod)]
)
def test_elementwise(name: str, reduce: object) -> None:
    wanted = [reduce(x[here], axis=0) for x, here in zip(pooled(VALUES), PRESENT, strict=True)]
    found, _ = run(name)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_gated() -> None:
    found, weights = run("gated")
    x = pooled(VALUES)
    wanted = np.zeros((COUNT, DIM))
    for m, name in enumerate(LENGTHS):
        gate = sigmoid(linear(x.reshape(COUNT, -1), weights, f"fusion.{name}.gate"))
        wanted += PRESENT[:, m : m + 1] * gate * np.tanh(linear(x[:, m], weights, f"fusion.{name}.hidden"))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("activation", "function"), [("gelu", gelu), ("linear", np.array), ("relu", lambda x: x.clip(0)), ("tanh", np.tanh)]
)
def test_linear_sum(activation: str, function: object) -> None:
    found, weights = run("linear_sum", activation=activation)
    maps = weights["fusion.dense/kernel"].reshape(3, 2 * DIM, DIM)
    summed = np.einsum("bmd,mdh,bm->bh", pooled(VALUES), maps, PRESENT) + weights["fusion.dense/bias"]
    np.testing.assert_allclose(found, function(summed), atol=1e-5)


def test_linear_sum_knows_its_activations() -> None:
    with pytest.raises(MMZooError, match=r"activation of fusion 'linear_sum' called 'rely'. Did you mean 'relu'?"):
        run("linear_sum", activation="rely")


@pytest.mark.parametrize("top", [None, 1, 2])
def test_mixture_of_experts(top: int | None) -> None:
    found, weights = run("mixture_of_experts", experts=3, top=top)
    x = pooled(VALUES).reshape(COUNT, -1)
    answers = gelu(linear(x, weights, "fusion.experts")).reshape(COUNT, 3, DIM)
    scores = linear(x, weights, "fusion.gate")
    for row in scores:
        row[np.argsort(row)[: 3 - (top or 3)]] = -np.inf
    np.testing.assert_allclose(found, np.einsum("be,bed->bd", softmax(scores, axis=1), answers), atol=1e-5)


def test_mixture_of_experts_asks_no_more_than_there_are() -> None:
    with pytest.raises(
        MMZooError, match="'top' of fusion 'mixture_of_experts' must be a whole number from 1 to 4, not 5"
    ):
        run("mixture_of_experts", top=5)
