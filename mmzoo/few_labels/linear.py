"""What tells classes apart by a few vectors each: functions that are linear in the vector."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmzoo.errors import unknown

Linear = tuple[np.ndarray, np.ndarray]
"""Weights (D, K) and bias (K,) of logits `x W + b`."""

SHARPNESS = np.geomspace(0.01, 100, 41)
"""How sharp the probabilities of prototypes may be, over the mean distance of two classes."""

TEMPERATURES = np.geomspace(0.1, 100, 91)
MOST_PARTS = 20
"""Fits without some of the records, at most."""


def fit(kind: str, vectors: np.ndarray, places: np.ndarray) -> Linear:
    """Fit `KINDS[kind]`.

    Args:
        vectors: float (N, D).
        places: the class of each, int (N,), every one of 0 .. K - 1 at least once.
    """
    if kind not in KINDS:
        raise unknown("kind of prototypes called", kind, KINDS)
    weights, bias = KINDS[kind](vectors.astype(np.float64), places)
    return weights.astype(np.float32), bias.astype(np.float32)


def softened(kind: str, vectors: np.ndarray, places: np.ndarray) -> Linear:
    """`fit`, with a temperature by which its probabilities hold of records that it was not fitted to.

    A function with as many weights as a vector has numbers tells the few records that it was fitted to apart for sure.
    So it is fitted again without some of them, one at a time or a twentieth, and asked of these. Their summed
    cross-entropy, and `log(T)^2 / 2` so that few of them do not say too much, choose the temperature T (Guo et al.
    2017, arXiv:1706.04599). Of a class with one record nothing can be left out, and `nearest` is fitted so already.
    """
    weights, bias = fit(kind, vectors, places)
    count = np.bincount(places)
    if kind == "nearest" or count.max() < 2:
        return weights, bias
    parts = np.full(len(places), -1)
    rows = np.argsort(places, kind="stable")
    rows = rows[count[places[rows]] > 1]
    parts[rows] = np.arange(len(rows)) % MOST_PARTS  # no class is left without a record
    logits, asked = list[np.ndarray](), list[np.ndarray]()
    for part in range(parts.max() + 1):
        out = parts == part
        w, b = fit(kind, vectors[~out], places[~out])
        logits.append(vectors[out] @ w + b)
        asked.append(places[out])
    found, own = np.concatenate(logits), np.concatenate(asked)
    chosen = min(TEMPERATURES, key=lambda t: len(own) * _loss(found / t, own) + np.log(t) ** 2 / 2)
    return weights / np.float32(chosen), bias / np.float32(chosen)


def nearest(vectors: np.ndarray, places: np.ndarray) -> Linear:
    """The class whose mean is nearest: `-s |x - c_k|^2 = 2 s x c_k - s |c_k|^2 + ...` (Snell et al. 2017,
    arXiv:1703.05175).

    The sharpness s is that by which each vector's own class is likeliest if its mean is made without that vector; of
    one record a class it is the usual one.
    """
    means = class_means(vectors, places)
    count = np.bincount(places)
    apart = np.mean([np.square(a - b).sum() for k, a in enumerate(means) for b in means[:k]]) or 1.0
    distances = np.square(vectors[:, None] - means).sum(axis=-1)
    several = count[places] > 1
    chosen = 10.0
    if several.any():
        rows = np.flatnonzero(several)
        own, n = places[rows], count[places[rows]]
        # Without the vector itself its class's mean is n / (n - 1) times as far away.
        distances[rows, own] *= np.square(n / (n - 1))
        chosen = min(SHARPNESS, key=lambda s: _loss(-s / apart * distances[rows], own))
    sharpness = chosen / apart
    return 2 * sharpness * means.T, -sharpness * np.square(means).sum(axis=1)


def lda(vectors: np.ndarray, places: np.ndarray) -> Linear:
    """Linear discriminant analysis with a shrunk covariance (Ledoit & Wolf 2004) and equal priors.

    Where every class has one record there is no covariance, and the nearest prototype is taken.
    """
    if np.bincount(places).max() < 2:
        return nearest(vectors, places)
    means = class_means(vectors, places)
    # One covariance, of all vectors around the means of their classes: scikit-learn's own LDA shrinks each class's by
    # itself, of which there are too few. `S = a X'X + b I` is inverted by way of X X' (Woodbury), which is small.
    apart = vectors - means[places]
    products = apart @ apart.T
    shrinkage = shrunk(products, vectors.shape[1])
    a, b = (1 - shrinkage) / len(apart), max(shrinkage * np.trace(products) / apart.size, 1e-9)
    inner = np.linalg.solve(np.eye(len(apart)) * b + a * products, apart @ means.T)
    weights = (means.T - a * apart.T @ inner) / b
    return weights, -0.5 * (means.T * weights).sum(axis=0)


def shrunk(products: np.ndarray, width: int) -> float:
    """How far a covariance goes towards the same variance in every direction (Ledoit & Wolf 2004), 0 to 1.

    scikit-learn has the same from the vectors, by way of `X'X`; of few long ones `X X'` is thousands of times smaller.

    Args:
        products: of N vectors of mean zero with one another, (N, N).
        width: of a vector.
    """
    count = len(products)
    squares = np.square(products).sum() / count**2
    spread = squares - np.trace(products) ** 2 / (count**2 * width)
    noise = min((np.square(np.diag(products)).sum() / count - squares) / count, spread)
    return float(noise / spread) if noise > 0 else 0.0


def linear(vectors: np.ndarray, places: np.ndarray) -> Linear:
    """Logistic regression on standardized vectors, each class of equal weight: a linear probe."""
    from sklearn.linear_model import LogisticRegression

    mean, scale = vectors.mean(axis=0), vectors.std(axis=0)
    scale = np.where(scale > 1e-6 * (1 + np.abs(mean)), scale, 1.0)
    # Of few vectors with many numbers: the same in the space that they span, since a turn changes no L2 penalty.
    left, sizes, turn = np.linalg.svd((vectors - mean) / scale, full_matrices=False)
    model = LogisticRegression(max_iter=1000, class_weight="balanced").fit(left * sizes, places)
    weights, bias = two_sided(model.coef_, model.intercept_)
    weights = turn.T @ weights / scale[:, None]
    return weights, bias - mean @ weights


def class_means(vectors: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The mean vector of each class, (K, D)."""
    return np.stack([vectors[places == k].mean(axis=0) for k in range(places.max() + 1)])


def two_sided(coefficients: np.ndarray, intercept: np.ndarray) -> Linear:
    """scikit-learn's coefficients (K, D) as weights; of two classes it has those of the second alone."""
    if len(coefficients) == 1:
        coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
        intercept = np.concatenate([np.zeros_like(intercept), intercept])
    return coefficients.T, intercept


def _loss(logits: np.ndarray, places: np.ndarray) -> float:
    """The mean cross-entropy."""
    most = logits.max(axis=1, keepdims=True)
    every = most[:, 0] + np.log(np.exp(logits - most).sum(axis=1))
    return float(np.mean(every - logits[np.arange(len(places)), places]))


KINDS: dict[str, Callable[[np.ndarray, np.ndarray], Linear]] = {"nearest": nearest, "lda": lda, "linear": linear}
