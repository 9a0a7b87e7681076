"""Where inputs agree, held against the eigenvalue problem that defines it; and a model that begins there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.linalg

import mmzoo
from mmzoo.data.records import decode
from mmzoo.inference.running import run_model
from mmzoo.tokens import masked_mean
from mmzoo.training.fitted.correlations import correlations
from tests.conftest import usual
from tests.search.test_retrieval import hidden, hidden_spec, unit

WIDTHS = {"a": 6, "b": 4, "c": 3}


def views(rows: int, names: str, seed: int = 0) -> dict[str, np.ndarray]:
    """Features that share three hidden numbers, on scales of their own."""
    random = np.random.default_rng(seed)
    hidden = random.normal(size=(rows, 3))
    return {
        name: 5.0 * k + hidden @ random.normal(size=(3, WIDTHS[name])) + random.normal(size=(rows, WIDTHS[name]))
        for k, name in enumerate(names)
    }


def defined(given: dict[str, np.ndarray], dim: int, shrinkage: float) -> dict[str, np.ndarray]:
    """The vectors of the rows, by the generalized eigenvalue problem of all covariances (SciPy)."""
    centred = {name: x - np.nanmean(x, axis=0) for name, x in given.items()}
    within, across = [], []
    for one, x in centred.items():
        here = ~np.isnan(x[:, 0])
        own = x[here].T @ x[here] / here.sum()
        within.append(own + shrinkage * np.trace(own) / len(own) * np.eye(len(own)))
        row = []
        for other, y in centred.items():
            both = here & ~np.isnan(y[:, 0])
            row.append(x[both].T @ y[both] / both.sum() if other != one else np.zeros(own.shape))
        across.append(row)
    roots, vectors = scipy.linalg.eigh(np.block(across) / (len(given) - 1), scipy.linalg.block_diag(*within))
    roots, vectors = roots[::-1][:dim], vectors[:, ::-1][:, :dim]
    parts = np.split(vectors, np.cumsum([x.shape[1] for x in given.values()])[:-1])
    return {
        name: centred[name] @ part * np.where(roots > 0, roots, 0.0) * np.sqrt(len(given))
        for name, part in zip(given, parts, strict=True)
    }


def explained(given: dict[str, np.ndarray]) -> np.ndarray:
    """What of the covariance of `a` a regression on `b` explains; along a direction, a squared correlation of it."""
    whole = np.cov(np.concatenate([given["a"], given["b"]], axis=1).T)
    return np.asarray(whole[:6, 6:] @ np.linalg.inv(whole[6:, 6:]) @ whole[6:, :6])


@pytest.mark.parametrize("names", ["ab", "abc"])
@pytest.mark.parametrize("rows", [200, 5])
def test_the_directions_are_those_of_the_eigenvalue_problem(names: str, rows: int) -> None:
    given = views(rows, names)
    if rows > 5:
        given["a"][:20] = np.nan
        given["b"][10:40] = np.nan
    shrinkage = 0.3
    found = correlations(given, 3, shrinkage)
    if rows == 5:  # fewer records than features: only the space that they span counts, and the mean variance in it
        given = {
            name: (x - x.mean(axis=0)) @ np.linalg.svd(x - x.mean(axis=0))[2][: min(4, x.shape[1])].T
            for name, x in given.items()
        }
    right = defined(given, 3, shrinkage)
    own = {name: x @ found[name][0] + found[name][1] for name, x in views(rows, names).items()}
    for one in names:
        for other in names:  # products do not depend on the signs of the directions
            there = ~np.isnan(right[one][:, :1] + right[other][:, 0])
            np.testing.assert_allclose(
                (own[one] @ own[other].T)[there], (right[one] @ right[other].T)[there], atol=1e-4, rtol=1e-4
            )


def test_two_inputs_without_a_penalty_are_canonical_variates() -> None:
    given = views(500, "ab")
    found = correlations(given, 3, 0.0)
    a, b = (given[name] @ found[name][0] + found[name][1] for name in "ab")
    a, b = a / a.std(axis=0), b / b.std(axis=0)
    np.testing.assert_allclose(a.T @ a / 500, np.eye(3), atol=1e-4)
    agreed = a.T @ b / 500
    np.testing.assert_allclose(agreed, np.diag(np.diag(agreed)), atol=1e-4)
    shares = np.sort(np.linalg.eigvals(np.linalg.pinv(np.cov(given["a"].T)) @ explained(given)).real)[::-1][:3]
    np.testing.assert_allclose(np.diag(agreed), np.sqrt(shares), rtol=1e-3)


def test_what_nobody_has_is_zero() -> None:
    given = {**views(30, "ab"), "c": np.full((30, 3), np.nan)}
    found = correlations(given, 8)
    assert not found["c"][0].any() and found["a"][0][:, :3].any()
    assert all(np.isfinite(kernel).all() and kernel.shape[1] == 8 for kernel, _ in found.values())
    constant = correlations({"a": given["a"], "b": np.ones((30, 4))}, 2)
    assert all(np.isfinite(part).all() for weights in constant.values() for part in weights)


@pytest.mark.parametrize("landmarks", usual([0, 60, 200], {60}))
def test_a_model_begins_with_the_linear_algebra(landmarks: int, tmp_path: Path) -> None:
    train, validation = hidden(120), hidden(40, 1)
    train.columns["near"][5] = None
    training = mmzoo.Training(epochs=1, batch_size=40, learning_rate=0.0, modality_dropout=0.0)
    spec = hidden_spec(start="correlations", landmarks=landmarks, dropout=0.5)
    run = mmzoo.train(spec, train, validation, training=training, out=tmp_path / "run")
    parts, names = run.model.parts, ("near", "far")
    means = {}
    for split, records in (("train", train), ("validation", validation)):
        outputs = {name: masked_mean(*parts.tower_tokens(name)) for name in names}
        given = decode(run.spec, records)
        found = run_model(parts.cut(run.model.input, outputs), given)
        means[split] = {name: np.where(given["present"][:, [k]], found[name], np.nan) for k, name in enumerate(names)}
    if landmarks:
        for name in names:
            x = means["train"][name]
            here = x[~np.isnan(x[:, 0])]
            centre = here.mean(axis=0)
            chosen = unit(here[np.linspace(0, len(here) - 1, min(landmarks, len(here))).round().astype(int)] - centre)
            gamma = 1.0 / np.median(((chosen[:, None] - chosen[None]) ** 2).sum(axis=-1))
            among = np.exp(-gamma * ((chosen[:, None] - chosen[None]) ** 2).sum(axis=-1))
            components, sizes, _ = np.linalg.svd(among)  # of a symmetric matrix its eigenvectors
            root = (components / np.sqrt(sizes))[:, sizes > 1e-4 * sizes[0]]
            for split in means:
                apart = ((unit(means[split][name] - centre)[:, None] - chosen[None]) ** 2).sum(axis=-1)
                means[split][name] = np.exp(-gamma * apart) @ root
    kernels = correlations(means["train"], 16)
    vectors = run.embed(validation)
    own = {name: unit(means["validation"][name] @ kernels[name][0] + kernels[name][1]) for name in names}
    for one, other in (("near", "near"), ("near", "far")):  # a direction may be turned round for both
        np.testing.assert_allclose(vectors[one] @ vectors[other].T, own[one] @ own[other].T, atol=1e-5)
    if not landmarks:
        np.testing.assert_allclose(vectors["near"], own["near"], atol=1e-5)
    places = (vectors["near"] @ vectors["far"].T).argmax(axis=1)
    assert (places == np.arange(40)).mean() > 0.4  # chance is 0.025


@pytest.mark.long
def test_what_training_makes_worse_is_not_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training = mmzoo.Training(epochs=2, batch_size=40, learning_rate=10.0, modality_dropout=0.0, ema_decay=0.0)
    spec = hidden_spec(start="correlations")
    mmzoo.train(spec, hidden(120), hidden(40, 1), training=training, out=tmp_path / "run")
    assert "Epoch 0 of 2 is kept, the best on the validation records." in capsys.readouterr().out
