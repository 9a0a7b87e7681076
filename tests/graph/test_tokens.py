"""Masked reductions against NumPy in float64."""

from __future__ import annotations

import numpy as np

from mmzoo.tokens import masked_max, masked_mean, masked_softmax

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(4, 5, 3)).astype(np.float32)
MASK = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]], bool)


def test_masked_mean() -> None:
    wanted = [VALUES[k][MASK[k]].astype(np.float64).mean(axis=0) for k in range(3)] + [np.zeros(3)]
    np.testing.assert_allclose(masked_mean(VALUES, MASK), wanted, atol=1e-6)


def test_masked_max() -> None:
    wanted = [VALUES[k][MASK[k]].max(axis=0) for k in range(3)] + [np.zeros(3)]
    np.testing.assert_allclose(masked_max(VALUES, MASK), wanted, atol=1e-6)


def test_masked_softmax() -> None:
    scores = VALUES[..., 0] * 50  # large enough that a plain exponential would overflow
    found = np.asarray(masked_softmax(scores, MASK))
    for row in range(3):
        kept = np.exp(scores[row][MASK[row]].astype(np.float64) - scores[row][MASK[row]].max())
        np.testing.assert_allclose(found[row][MASK[row]], kept / kept.sum(), atol=1e-6)
    assert not found[~MASK].any()


def test_masked_places_may_be_anything() -> None:
    poisoned = np.where(MASK[..., None], VALUES, np.nan)
    np.testing.assert_array_equal(masked_mean(poisoned, MASK), masked_mean(VALUES, MASK))
    np.testing.assert_array_equal(masked_max(poisoned, MASK), masked_max(VALUES, MASK))
