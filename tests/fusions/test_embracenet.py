"""EmbraceNet, against the formula of its paper in NumPy."""

from __future__ import annotations

import numpy as np

from mmzoo.fusions.embracenet import Embracement
from tests.fusions.fusion_case import LENGTHS, PRESENT, VALUES, linear, pooled, run


def test_without_training_it_is_the_mean_of_what_is_docked() -> None:
    found, weights = run("embracenet", width=6)
    x = pooled(VALUES)
    docked = [linear(x[:, k], weights, f"fusion.{name}.docking").clip(0) for k, name in enumerate(LENGTHS)]
    there = PRESENT[..., None]
    wanted = (np.stack(docked, axis=1) * there).sum(axis=1) / there.sum(axis=1).clip(1)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_in_training_each_number_is_that_of_one_modality_with_the_same_chance() -> None:
    """Modality m has m + 1 in each place, so that the result says which one was drawn."""
    present = np.array([[True, True, True], [True, False, True], [False, True, False], [False, False, False]])
    docked = np.tile(np.arange(1.0, 4.0, dtype=np.float32)[:, None], (4, 1, 20_000))
    layer = Embracement()
    drawn, again = np.asarray(layer(docked, present, training=True)), np.asarray(layer(docked, present, training=True))
    shares = np.stack([(drawn == k).mean(axis=1) for k in range(4)], axis=1)
    wanted = [[0, 1 / 3, 1 / 3, 1 / 3], [0, 0.5, 0, 0.5], [0, 0, 1, 0], [1, 0, 0, 0]]
    np.testing.assert_allclose(shares, wanted, atol=0.02)
    np.testing.assert_array_equal(shares == 0, np.equal(wanted, 0))  # never one that is absent
    assert (drawn[0] != again[0]).mean() > 0.5, "each step draws anew"
