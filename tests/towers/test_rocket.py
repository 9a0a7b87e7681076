"""Fixed kernels and InceptionTime, calculated again with NumPy in float64; and long recordings as windows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from scipy.special import expit

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.graph.cut import split
from mmzoo.tokens import Tokens
from mmzoo.towers import towers
from mmzoo.towers.rocket import LEVELS, QUANTILES, SHARPNESS, RandomKernels, kernels
from mmzoo.towers.windows import cut_up

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(2, 30, 5)).astype(np.float32)
LENGTHS = (30, 17)
MASK = np.arange(30) < np.array(LENGTHS)[:, None]
VALUES[~MASK] = 0


def convolved(x: np.ndarray, kernel: np.ndarray, step: int = 1) -> np.ndarray:
    """x (T, C), kernel (K, C, D), K odd: the same length, zeros around, taps `step` apart."""
    reach = (len(kernel) // 2) * step
    x = np.pad(x, ((reach, reach), (0, 0)))
    return np.array([sum(x[t + k * step] @ kernel[k] for k in range(len(kernel))) for t in range(len(x) - 2 * reach)])


def features(x: np.ndarray, made: list[np.ndarray], signals: int) -> np.ndarray:
    """Those of one sequence without its padding."""
    x, more = x[:, :signals].astype(np.float64), x[:, signals:].astype(np.float64)
    step = np.abs(np.diff(x, axis=0)).mean(axis=0)
    spread = np.sqrt(x.var(axis=0) + 1e-6)
    found = [x.mean(axis=0), np.log(spread + 0.01), np.log(step + 0.01), x.max(axis=0), x.min(axis=0)]
    found += [expit(SHARPNESS * (x - level)).mean(axis=0) for level in QUANTILES]
    if more.shape[1]:
        found.append(more.mean(axis=0))
    for place, kernel in enumerate(made):
        out = convolved(x, kernel.astype(np.float64), 2**place)
        rms = np.sqrt((out**2).mean(axis=0) + 1e-6)
        found += [expit(SHARPNESS * (out / rms - level)).mean(axis=0) for level in LEVELS]
        found += [np.log(rms + 1e-3), (out / rms).max(axis=0)]
    return np.concatenate(found)


@pytest.mark.parametrize("signals", [0, 3])
def test_random_kernels(signals: int) -> None:
    layer = RandomKernels(7, 3, signals)
    found, mask = (np.asarray(part) for part in layer(VALUES, MASK))
    assert mask.all()
    made = kernels(signals or 5, 7, 3, 0)
    for row, length in enumerate(LENGTHS):
        wanted = features(VALUES[row, :length], made, signals or 5)
        np.testing.assert_allclose(found[row, 0], wanted, atol=2e-5, rtol=1e-5)
    assert not layer.weights
    again = RandomKernels.from_config(layer.get_config())
    np.testing.assert_array_equal(again(VALUES, MASK)[0], found)


def test_kernels_are_those_of_minirocket() -> None:
    """At width 84 each choice of three taps comes once a dilation; a kernel sums to 0 on each channel that it sees."""
    for made in kernels(4, 84, 3, 0):
        seen = (made != 0).all(axis=0)
        assert (seen == (made != 0).any(axis=0)).all()
        assert seen.any(axis=0).all()
        np.testing.assert_array_equal(made.sum(axis=0), 0)
        taps = made.max(axis=1) == 2
        assert len({tuple(column) for column in taps.T}) == 84
        assert (taps.sum(axis=0) == 3).all()


def test_no_real_step_gives_finite_features() -> None:
    values, mask = RandomKernels(4, 2)(VALUES, MASK & False)
    assert np.isfinite(np.asarray(values)).all()
    assert not np.asarray(mask).any()


def test_features_are_computed_once_where_nothing_below_trains_or_varies() -> None:
    def frozen(**options: Any) -> bool:
        augmentations = options.pop("augmentations", ())
        item = mmzoo.Sensor(
            "s",
            steps=20,
            means=[0],
            deviations=[1],
            tower=mmzoo.Tower("rocket", width=4, **options),
            augmentations=augmentations,
        )
        part = split(mmzoo.build(mmzoo.Spec([item], "concat", [mmzoo.Binary("on")], dim=8)))
        return (
            "s" in part.frozen
            and len(part.frozen["s"].output[0].shape) == 3
            and part.frozen["s"].output[0].shape[1] == 1
        )

    assert frozen()
    assert not frozen(augmentations=["jitter"])
    assert not frozen(beside=mmzoo.Tower("cnn_1d", width=4))


def test_inception_time() -> None:
    keras.utils.set_random_seed(0)
    inputs = [keras.Input((30, 5)), keras.Input((30,), dtype="bool")]
    encoder: Any = towers["inception_time"]
    tokens = encoder.encoder(Tokens(*inputs), lambda suffix: f"x_{suffix}", width=7, blocks=4, kernel=9)
    model = keras.Model(inputs, tuple(tokens))
    for weight in model.weights:
        weight.assign(weight + np.abs(RNG.normal(size=weight.shape)) * 0.1)
    values, mask = model([VALUES, MASK], training=False)
    np.testing.assert_array_equal(mask, MASK)
    weights = {w.path: np.asarray(w, np.float64) for w in model.weights}

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        mean, variance, gamma, beta = (
            weights[f"{name}/{part}"] for part in ("moving_mean", "moving_variance", "gamma", "beta")
        )
        return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta

    for row, length in enumerate(LENGTHS):
        x = entry = VALUES[row, :length].astype(np.float64)
        for block in range(4):
            name = f"x_block{block}"
            narrow = x @ weights[f"{name}_narrow/kernel"] if f"{name}_narrow/kernel" in weights else x
            parts = []
            for place in range(3):
                kernel = weights[f"{name}_conv{place}/kernel"]
                if len(kernel) % 2 == 0:  # Keras puts the one more behind
                    kernel = np.concatenate([np.zeros_like(kernel[:1]), kernel])
                parts.append(convolved(narrow, kernel))
            around = np.pad(x, ((1, 1), (0, 0)), constant_values=-np.inf)
            highest = np.max([around[:-2], around[1:-1], around[2:]], axis=0)
            parts.append(highest @ weights[f"{name}_highest/kernel"])
            x = norm(np.concatenate(parts, axis=1), f"{name}_norm")
            if block == 2:
                x = x + norm(entry @ weights[f"{name}_shortcut/kernel"], f"{name}_shortcut_norm")
            x = np.maximum(x, 0)
        np.testing.assert_allclose(values[row, :length], x, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("steps", "length", "count"), [(30, 8, 7), (30, 60, 1), (30, 7, 9), (5, 256, 1), (9, 4, 4)])
def test_windows_overlap_by_half(steps: int, length: int, count: int) -> None:
    tokens = Tokens(VALUES[:, :steps], MASK[:, :steps])
    values, mask = (np.asarray(part) for part in cut_up(tokens, length))
    half = length // 2
    assert values.shape == (2, count, 2 * half, 5)
    for window in range(count):
        part = slice(window * half, (window + 2) * half)
        here = tokens.values[:, part]
        np.testing.assert_array_equal(values[:, window, : here.shape[1]], here)
        assert not values[:, window, here.shape[1] :].any()
        np.testing.assert_array_equal(mask[:, window, : here.shape[1]], tokens.mask[:, part])
        assert not mask[:, window, here.shape[1] :].any()
    assert (count + 1) * half >= steps, "everything is read"


def test_windows_of_one_recording_are_read_alike() -> None:
    """Each window is a token, what its tower makes of it alone; those in the padding are masked."""
    item = mmzoo.Sensor("s", channels=2, steps=12, means=[0, 0], deviations=[1, 1])
    series = RNG.normal(size=(1, 12, 2)).astype(np.float32)
    series[:, 8:] = np.nan
    x = keras.Input((12, 2))
    keras.utils.set_random_seed(0)
    inner = mmzoo.Tower("cnn_1d", width=6)
    model = keras.Model(x, tuple(towers["windows"](x, item, tower=inner, length=4)))
    values, mask = model(series)
    assert values.shape == (1, 5, 12)
    np.testing.assert_array_equal(mask, [[True] * 3 + [False] * 2])
    short = series[:, :4].copy()
    short[:, 1:] = np.nan
    padded = np.concatenate([short, np.full((1, 8, 2), np.nan, np.float32)], axis=1)
    np.testing.assert_array_equal(model(padded)[1], [[True] + [False] * 4])
    moved = np.roll(series, 2, axis=1)
    moved[:, :2] = series[:, 6:8]
    np.testing.assert_allclose(model(moved)[0][0, 1:5], values[0, :4], atol=1e-6)


def test_too_many_numbers_are_refused() -> None:
    item = mmzoo.Sensor("s", channels=512, means=[0] * 512, deviations=[1] * 512)
    item = replace(item, tower=mmzoo.Tower("rocket", width=1024, dilations=12))
    with pytest.raises(MMZooError, match="would hold 56623104 numbers"):
        mmzoo.build(mmzoo.Spec([item], "concat", [mmzoo.Binary("on")]))


@pytest.mark.parametrize(
    ("tower", "words"),
    [
        ("windows", "does not read windows"),
        ("small_cnn", "does not read windows"),
        ("nothing", "does not read windows"),
    ],
)
def test_windows_of_what_is_no_sequence(tower: str, words: str) -> None:
    with pytest.raises(MMZooError, match=words):
        mmzoo.Spec([mmzoo.Sensor("s", tower=mmzoo.Tower("windows", tower=tower))], "concat", [mmzoo.Binary("on")])
