"""What is near to much is found less often: the layer against NumPy, and what is fitted to it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

from mmzoo.errors import MMZooError
from mmzoo.inference.rarity import fit_rarity, others, unit, with_rarity
from mmzoo.layers.nearness import Rarity
from mmzoo.names import single_output
from mmzoo.tasks.retrieval import Retrieval

RNG = np.random.default_rng(0)
TASK = Retrieval("match", 17, inputs=("near", "far"), bank=40)


def made(count: int, spread: float, seed: int) -> dict[str, np.ndarray]:
    """Vectors of two inputs that tell the same but for noise; some directions vary `spread` times as much as others."""
    rng = np.random.default_rng(seed)
    true = rng.normal(size=(count, 16)) * np.repeat([spread, 1.0], [4, 12])
    return {name: unit(true + rng.normal(size=true.shape)) for name in TASK.inputs}


def layers(count: int = 40) -> dict[str, Rarity]:
    found = {name: Rarity(count) for name in TASK.inputs}
    for layer in found.values():
        layer.build((None, 16))
    return found


def found(vectors: dict[str, np.ndarray], rare: dict[str, Rarity] | None = None) -> dict[str, float]:
    labels = np.tile(np.arange(len(vectors["near"]))[:, None], (1, 2))
    told = {name: np.asarray(rare[name](each)) if rare else each for name, each in vectors.items()}
    return TASK.measured(labels, {single_output("match", name): each for name, each in told.items()})


def test_a_product_takes_off_what_both_are_common() -> None:
    """Of small strength it is that of the vectors, and the inverted softmax of both, but for a constant."""
    (layer, _), vectors, bank = layers().values(), made(30, 1.0, 1), unit(RNG.normal(size=(40, 16)))
    whole = np.asarray(layer(vectors["near"]))
    np.testing.assert_allclose(whole[:, :-1], vectors["near"], atol=1e-6)
    assert not whole[:, -1].any(), "until it is fitted it says nothing"

    layer.set_weights([bank.T, np.float32(6.0), np.float32(0.2), np.float32(0.5)])
    common = {name: logsumexp(6.0 * each @ bank.T, axis=1, b=1 / 40) / 6.0 for name, each in vectors.items()}
    told = {name: np.asarray(layer(each)) for name, each in vectors.items()}
    for name, each in told.items():
        np.testing.assert_allclose(each, with_rarity(vectors[name], 0.5, common[name] - 0.2), atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(each, axis=1), 1.0, atol=1e-6)
    lengths = {name: 1 / np.linalg.norm(each[:, :-1], axis=1) for name, each in told.items()}
    product = told["near"] @ told["far"].T * np.outer(lengths["near"], lengths["far"])
    a, b = common["near"][:, None] - 0.2, common["far"][None] - 0.2
    wanted = vectors["near"] @ vectors["far"].T + 0.25 - a - b
    np.testing.assert_allclose(product, wanted + 4 * a * b, atol=1e-5)


@pytest.mark.parametrize(("spread", "least"), [(4.0, 0.02), (1.0, -0.01)])
def test_hubs_are_found_less_often(spread: float, least: float) -> None:
    """By strengths that were fitted on other records; where all directions are alike there are none, nor any loss."""
    rare, records = layers(400), made(150, spread, 3)
    fit_rarity(TASK, rare, made(400, spread, 2), records, np.tile(np.arange(150)[:, None], (1, 2)))
    assert found(records, rare)["mrr"] >= found(records)["mrr"] - 1e-6
    before, after = (found(made(300, spread, 4), each)["mrr"] for each in (None, rare))
    assert after > before + least


def test_a_bank_has_what_the_other_inputs_gave() -> None:
    near, far, third = (unit(RNG.normal(size=(5, 4))) for _ in range(3))
    far[1] = third[1] = 0
    bank = others({"near": near, "far": far, "third": third}, "near", 12)
    assert bank.shape == (12, 4)
    np.testing.assert_allclose(np.linalg.norm(bank, axis=1), 1.0)
    assert {tuple(np.round(row, 6)) for row in bank} == {
        tuple(np.round(row, 6)) for row in unit((far + third)[[0, 2, 3, 4]])
    }


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(MMZooError, match="leave out 'bank' or 'fused'"):
        Retrieval("match", 8, bank=10, fused=True)
