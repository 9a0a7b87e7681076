"""Each fusion's formula, calculated again with NumPy in float64."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from scipy.special import erf, softmax

from mmzoo.errors import MMZooError
from mmzoo.fusions import fusions
from mmzoo.tokens import Tokens

DIM, COUNT = 8, 5
RNG = np.random.default_rng(0)
LENGTHS = {"a": 3, "b": 1, "c": 4}
VALUES = {name: RNG.normal(size=(COUNT, length, DIM)) for name, length in LENGTHS.items()}
MASKS = {name: RNG.random((COUNT, length)) < 0.7 for name, length in LENGTHS.items()}
for mask in MASKS.values():
    mask[:, 0] = True
PRESENT = np.array([[1, 1, 1], [1, 0, 0], [0, 1, 1], [1, 0, 1], [0, 0, 1]], bool)


def run(name: str, **options: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The fusion's result and its weights, float64, by their path."""
    keras.utils.set_random_seed(0)
    inputs = {k: Tokens(keras.Input((n, DIM)), keras.Input((n,), dtype="bool")) for k, n in LENGTHS.items()}
    present = keras.Input((3,), dtype="bool")
    model = keras.Model(
        [*keras.tree.flatten(list(inputs.values())), present], fusions[name](inputs, present, dim=DIM, **options)
    )
    for weight in model.weights:  # biases and scales start at 0 and 1, which would hide a mistake
        weight.assign(weight + RNG.normal(size=weight.shape) * 0.1)
    data = [array for k in LENGTHS for array in (VALUES[k].astype(np.float32), MASKS[k])]
    result = model([*data, PRESENT], training=False)
    return np.asarray(result), {w.path: np.asarray(w, np.float64) for w in model.weights}


def pooled(values: dict[str, np.ndarray]) -> np.ndarray:
    """(B, M, 2 D): mean and maximum of the real tokens."""
    rows = [
        [np.r_[v[k][MASKS[n][k]].mean(0), v[k][MASKS[n][k]].max(0)] for n, v in values.items()] for k in range(COUNT)
    ]
    return np.array(rows)


def gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


def dense(x: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    return gelu(x @ weights["fusion_dense/kernel"] + weights["fusion_dense/bias"])


def test_concat() -> None:
    found, weights = run("concat")
    np.testing.assert_allclose(found, dense(pooled(VALUES).reshape(COUNT, -1), weights), atol=1e-5)


def test_weighted_learned() -> None:
    found, weights = run("weighted")
    x = pooled(VALUES)
    scores = np.where(PRESENT, (x @ weights["fusion_score/kernel"])[..., 0], -np.inf)
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


def attention(
    query: np.ndarray, source: np.ndarray, mask: np.ndarray, weights: dict[str, np.ndarray], name: str
) -> np.ndarray:
    """Multi-head attention as its paper writes it, one example."""

    def project(x: np.ndarray, part: str) -> np.ndarray:
        return np.einsum("td,dhk->htk", x, weights[f"{name}/{part}/kernel"]) + weights[f"{name}/{part}/bias"][:, None]

    q, k, v = project(query, "query"), project(source, "key"), project(source, "value")
    scores = np.where(mask, q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1]), -np.inf)
    heads = softmax(scores, axis=-1) @ v
    return (
        np.einsum("htk,hkd->td", heads, weights[f"{name}/attention_output/kernel"])
        + weights[f"{name}/attention_output/bias"]
    )


def test_cross_attention() -> None:
    found, weights = run("cross_attention", heads=2)
    enriched = {}
    for target, values in VALUES.items():
        rows = []
        for k in range(COUNT):
            x = values[k].copy()
            for m, source in enumerate(VALUES):
                if source != target and PRESENT[k, m]:
                    x += attention(
                        values[k], VALUES[source][k], MASKS[source][k], weights, f"fusion_{target}_from_{source}"
                    )
            normal = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3)
            rows.append(normal * weights[f"fusion_{target}_norm/gamma"] + weights[f"fusion_{target}_norm/beta"])
        enriched[target] = np.array(rows)
    np.testing.assert_allclose(found, dense(pooled(enriched).reshape(COUNT, -1), weights), atol=1e-5)
