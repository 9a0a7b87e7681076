"""What the tests of the fusions share: three modalities' tokens, a fusion on its own, and NumPy parts in float64."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from scipy.special import erf, softmax

from mmzoo.fusions import fusions
from mmzoo.tokens import Fused, Tokens

DIM, COUNT = 8, 5
RNG = np.random.default_rng(0)
LENGTHS = {"a": 3, "b": 1, "c": 4}
VALUES = {name: RNG.normal(size=(COUNT, length, DIM)) for name, length in LENGTHS.items()}
MASKS = {name: RNG.random((COUNT, length)) < 0.7 for name, length in LENGTHS.items()}
for mask in MASKS.values():
    mask[:, 0] = True
PRESENT = np.array([[1, 1, 1], [1, 0, 0], [0, 1, 1], [1, 0, 1], [0, 0, 1]], bool)

Weights = dict[str, np.ndarray]


def fusion_model(
    name: str, names: Iterable[str] = LENGTHS, dim: int = DIM, *, tokens: bool = False, **options: Any
) -> keras.Model:
    """The fusion alone: values and mask of each of the modalities `names`, then `present`, to the fused embedding.

    With `tokens` to the values and the mask of the tokens that it hands on.
    """
    fusions.check_options(name, options, list(names))
    keras.utils.set_random_seed(0)
    lengths = {k: LENGTHS[k] for k in names}
    inputs = {k: Tokens(keras.Input((n, dim)), keras.Input((n,), dtype="bool")) for k, n in lengths.items()}
    present = keras.Input((len(lengths),), dtype="bool")
    fused = fusions[name](inputs, present, dim=dim, **options)
    fused = fused if isinstance(fused, Fused) else Fused(fused)
    found = list(fused.tokens) if tokens and fused.tokens else fused.embedding
    model = keras.Model([*keras.tree.flatten(list(inputs.values())), present], found)
    rng = np.random.default_rng(1)
    for weight in model.weights:  # biases and scales start at 0 and 1, which would hide a mistake
        if "seed" not in weight.path:
            weight.assign(weight + rng.normal(size=weight.shape) * 0.1)
    return model


def answer(
    model: keras.Model,
    values: dict[str, np.ndarray] = VALUES,
    masks: dict[str, np.ndarray] = MASKS,
    present: np.ndarray = PRESENT,
) -> np.ndarray:
    data = [array for k in values for array in (values[k].astype(np.float32), masks[k])]
    return np.asarray(model([*data, present], training=False))


def weights_of(model: keras.Model) -> Weights:
    return {w.path: np.asarray(w, np.float64) for w in model.weights}


def run(name: str, **options: Any) -> tuple[np.ndarray, Weights]:
    """The fusion's result and its weights, float64, by their path."""
    model = fusion_model(name, **options)
    return answer(model), weights_of(model)


def pooled(values: dict[str, np.ndarray]) -> np.ndarray:
    """(B, M, 2 D): mean and maximum of the real tokens."""
    rows = [
        [np.r_[v[k][MASKS[n][k]].mean(0), v[k][MASKS[n][k]].max(0)] for n, v in values.items()] for k in range(COUNT)
    ]
    return np.array(rows)


def mean_and_max(x: np.ndarray) -> np.ndarray:
    return np.r_[x.mean(0), x.max(0)]


def gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def linear(x: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]


def dense(x: np.ndarray, weights: Weights) -> np.ndarray:
    return gelu(linear(x, weights, "fusion.dense"))


def normal(x: np.ndarray, epsilon: float) -> np.ndarray:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon)


def norm(x: np.ndarray, weights: Weights, name: str, epsilon: float = 1e-5) -> np.ndarray:
    return normal(x, epsilon) * weights[f"{name}/gamma"] + weights[f"{name}/beta"]


def attention(query: np.ndarray, source: np.ndarray, mask: Any, weights: Weights, name: str) -> np.ndarray:
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


def block(x: np.ndarray, weights: Weights, name: str, source: np.ndarray | None = None) -> np.ndarray:
    """A pre-norm transformer block, one example of real tokens only."""
    query = norm(x, weights, f"{name}_attention_norm")
    asked = query if source is None else norm(source, weights, f"{name}_source_norm")
    x = x + attention(query, asked, True, weights, f"{name}_attention")
    inner = gelu(linear(norm(x, weights, f"{name}_mlp_norm"), weights, f"{name}_mlp_hidden"))
    return x + linear(inner, weights, f"{name}_mlp_output")
