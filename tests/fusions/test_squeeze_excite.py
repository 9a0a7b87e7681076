"""Squeeze and excitation, against the formula of its paper in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fusions.fusion_case import COUNT, DIM, LENGTHS, PRESENT, VALUES, linear, pooled, run, sigmoid


@pytest.mark.parametrize("reduction", [4, 64])
def test_squeeze_excite(reduction: int) -> None:
    found, weights = run("squeeze_excite", reduction=reduction)
    x = pooled(VALUES) * PRESENT[..., None]
    squeezed = linear(x.reshape(COUNT, -1), weights, "fusion.squeeze").clip(0)
    assert squeezed.shape == (COUNT, max(6 * DIM // reduction, 1))
    gates = [2 * sigmoid(linear(squeezed, weights, f"fusion.{name}.excite")) for name in LENGTHS]
    np.testing.assert_allclose(found, (np.stack(gates, axis=1) * x).reshape(COUNT, -1), atol=1e-5)
