"""How far inputs agree along a direction: against NumPy, and what labels without a record gain by it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from mmzoo.inference.agreement import agreement, agreement_of, as_safe, axes, fit_agreement, separation
from mmzoo.layers.nearness import Joined
from mmzoo.names import single_output
from mmzoo.tasks.retrieval import Retrieval

TASK = Retrieval("match", 12, inputs=("picture", "words"))
SHAPES = 4


def unit(x: np.ndarray) -> np.ndarray:
    return np.asarray(x / np.linalg.norm(x, axis=-1, keepdims=True))


class World:
    """Shapes of some colour: both inputs tell both, and each something else. Colours vary more than shapes."""

    def __init__(self, noise: float) -> None:
        rng = np.random.default_rng(5)
        self.turn, self.noise = np.linalg.qr(rng.normal(size=(12, 12)))[0], noise
        self.shapes = unit(rng.normal(size=(SHAPES, 3)))

    def vectors(self, colours: np.ndarray, shapes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        own = self.noise * rng.normal(size=(len(colours), 6))
        parts = [colours, self.shapes[shapes] + 0.1 * rng.normal(size=(len(shapes), 3)), own]
        return unit(np.concatenate(parts, axis=1) @ self.turn).astype(np.float32)

    def records(self, count: int, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        rng = np.random.default_rng(seed)
        shapes, colours = rng.integers(0, SHAPES, count), 2.0 * rng.normal(size=(count, 3))
        return shapes, {single_output("match", name): self.vectors(colours, shapes, rng) for name in TASK.inputs}

    def labels(self, seed: int) -> np.ndarray:
        """The words of the shapes alone, which have no colour."""
        return self.vectors(np.zeros((SHAPES, 3)), np.arange(SHAPES), np.random.default_rng(seed))


def fitted(world: World) -> keras.Model:
    given = keras.Input((2, 12))
    model = keras.Model(given, Joined("match", name="match.joined")(given))
    labels = np.tile(np.arange(200)[:, None], (1, 2))
    fit_agreement(model, TASK, world.records(600, 1)[1], world.records(200, 2)[1], labels)
    return model


def accuracy(world: World, weights: np.ndarray) -> float:
    shapes, outputs = world.records(500, 3)
    pictures = unit(outputs["match.picture"] @ weights)
    return float(np.mean([(pictures @ unit(world.labels(k) @ weights).T).argmax(axis=1) == shapes for k in range(20)]))


def test_labels_are_told_by_what_agrees() -> None:
    """What varies most would be the colour, and what each input has to itself; the shape varies least."""
    world = World(noise=1.0)
    model = fitted(world)
    weights = agreement_of(model, TASK, "words", "picture")
    np.testing.assert_allclose(weights, agreement_of(model, TASK, "picture", "words"))
    plain, told = accuracy(world, np.eye(12)), accuracy(world, weights)
    assert told > plain + 0.1
    varied = np.cov(world.records(600, 1)[1]["match.picture"].T)
    assert told > accuracy(world, varied) + 0.1


def test_where_all_agrees_nothing_is_lost() -> None:
    world = World(noise=0.02)
    assert accuracy(world, agreement_of(fitted(world), TASK, "words", "picture")) > accuracy(world, np.eye(12)) - 0.02


def test_directions_and_agreement_against_numpy() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 50, 4))
    other[:, 0] += 3 * one[:, 0]
    one[7] = np.nan
    kept = np.arange(50) != 7
    r = np.array([np.corrcoef(one[kept, k], other[kept, k])[0, 1] for k in range(4)])
    np.testing.assert_allclose(agreement(one, other), np.sqrt(np.maximum(r * abs(r) - 1 / 49, 0)), atol=1e-9)
    covariance = np.cov(one[kept].T, other[kept].T, bias=True)[:4, 4:]
    turned = axes({"a": one, "b": other})
    np.testing.assert_allclose(turned.T @ turned, np.eye(4), atol=1e-9)
    found = turned.T @ (covariance + covariance.T) @ turned
    np.testing.assert_allclose(found, np.diag(np.diag(found)), atol=1e-9)


def test_how_well_pairs_are_told_apart_by_hand() -> None:
    rng = np.random.default_rng(1)
    one, other = unit(rng.normal(size=(2, 20, 3)))
    groups = np.stack([np.arange(20), np.arange(20) % 7], axis=1)
    below, total = 0, 0
    for i in range(20):
        for j in range(20):
            if i != j and i % 7 != j % 7:
                own = one[i] @ other[i]
                below += int(one[i] @ other[j] < own) + int(one[j] @ other[i] < own)
                total += 2
    assert separation(one, other, groups) == pytest.approx(below / total)


def test_weights_that_would_hide_what_tells_pairs_apart_do_not_count() -> None:
    rng = np.random.default_rng(2)
    one = rng.normal(size=(60, 4))
    groups = np.tile(np.arange(60)[:, None], (1, 2))
    assert as_safe(np.array([1.0, 0, 0, 0]), one, one, groups).tolist() == [1, 1, 1, 1]
    mixed = np.where(np.arange(4) < 2, one, rng.normal(size=(60, 4)))
    assert as_safe(np.array([1.0, 1, 0, 0]), one, mixed, groups).tolist() == [1, 1, 0, 0]


def test_without_pairs_all_directions_count() -> None:
    assert agreement(np.full((3, 4), np.nan), np.ones((3, 4))).tolist() == [1, 1, 1, 1]
    assert agreement(np.ones((3, 4)), np.ones((3, 4))).tolist() == [1, 1, 1, 1]
    model = keras.Model(given := keras.Input((2, 12)), keras.layers.Flatten()(given))
    np.testing.assert_array_equal(agreement_of(model, TASK, "words", "picture"), np.eye(12))
