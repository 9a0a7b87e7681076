"""The speaker encoder: against spectrogram and LSTMs in plain NumPy, and that it tells voices apart."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.modalities.audio.slaney import VoiceMel
from mmzoo.towers.voice import FILE, RESEMBLYZER
from mmzoo.weights import find, is_installed
from mmzoo.weights.torch_format import read_torch
from tests.conftest import usual
from tests.towers.test_whisper import power_mel
from tests.zoo import TASK

installed = pytest.mark.skipif(not is_installed(RESEMBLYZER), reason=f"needs {RESEMBLYZER.install}")
SECONDS = 3.0  # windows at 0, 0.8, 1.6 (which lacks a quarter)


def make_item(**options: Any) -> mmzoo.Audio:
    return mmzoo.Audio("x", seconds=SECONDS, tower=mmzoo.Tower("voice", **options), augmentations=())


def waves() -> list[np.ndarray]:
    """A buzz of harmonics as a voice has them: long and faint, and short and loud."""
    found = []
    for seconds, hertz, level in ((3.0, 110, 0.01), (1.9, 210, 0.5), (1.0, 160, 0.1)):
        at = np.arange(int(seconds * 16000)) / 16000
        wave = sum(np.sin(2 * np.pi * k * hertz * at) / k for k in range(1, 20)) * (1.2 + np.sin(9 * at))
        found.append((level * wave / np.abs(wave).max()).astype(np.float32))
    return found


def mel_windows(wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(3, 160, 40) and which are real."""
    hops = -(-len(wave) // 160)
    rms = np.sqrt(np.sum(wave.astype(np.float64) ** 2) / (160 * hops))
    mel = power_mel(wave * max(10**-1.5 / rms, 1.0), 320, 40)
    real = [True, *(hops > start + 120 for start in (80, 160))]
    return np.stack([mel[start : start + 160] for start in (0, 80, 160)]), np.array(real)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def forward(x: np.ndarray, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """(W, 160, 40) -> (W, 256), with the tensors as their file has them: gates i, f, g, o."""
    for layer in range(3):
        w, u = arrays[f"lstm.weight_ih_l{layer}"], arrays[f"lstm.weight_hh_l{layer}"]
        bias = arrays[f"lstm.bias_ih_l{layer}"] + arrays[f"lstm.bias_hh_l{layer}"]
        state, cell, out = np.zeros((len(x), 256)), np.zeros((len(x), 256)), []
        for step in range(x.shape[1]):
            i, f, g, o = np.split(x[:, step] @ w.T + state @ u.T + bias, 4, axis=1)
            cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
            state = sigmoid(o) * np.tanh(cell)
            out.append(state)
        x = np.stack(out, axis=1)
    raw = np.maximum(x[:, -1] @ arrays["linear.weight"].T + arrays["linear.bias"], 0)
    return raw / np.linalg.norm(raw, axis=1, keepdims=True)


def tower_tokens(item: mmzoo.Audio, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    model = mmzoo.build(mmzoo.Spec([item], "concat", [TASK], dim=8))
    run = keras.Model(model.input, model.parts.tower_tokens("x"))
    values, mask = run({"x": x, "present": np.ones((len(x), 1), bool)})
    return np.asarray(values), np.asarray(mask)


def test_windows_against_numpy() -> None:
    item = make_item(weights=None)
    found, mask = VoiceMel(16000)(np.stack([item.decode(wave) for wave in waves()]))
    assert found.shape == (3, 3, 160, 40)
    for row, wave in enumerate(waves()):
        wanted, real = mel_windows(wave)
        np.testing.assert_allclose(found[row], wanted, rtol=1e-3, atol=1e-5)
        assert np.asarray(mask[row]).tolist() == real.tolist()
    assert np.asarray(mask).sum(axis=1).tolist() == [3, 1, 1]


@installed
def test_tower_against_numpy_in_float64() -> None:
    item = make_item()
    arrays = read_torch(find(RESEMBLYZER.name)[FILE])
    arrays = {name.removeprefix("model_state."): array.astype(np.float64) for name, array in arrays.items()}
    values, mask = tower_tokens(item, np.stack([item.decode(wave) for wave in waves()]))
    for row, wave in enumerate(waves()):
        windows, real = mel_windows(wave)
        np.testing.assert_allclose(values[row], forward(windows, arrays), atol=1e-4)
        assert mask[row].tolist() == real.tolist()


@pytest.mark.long
@installed
@pytest.mark.parametrize("options", usual([{"trainable_blocks": 1}, {"adapters": 4}], [{"adapters": 4}]))
def test_blocks_and_adapters_begin_as_the_frozen_encoder(options: dict[str, int]) -> None:
    x = np.stack([make_item().decode(wave) for wave in waves()])
    np.testing.assert_allclose(tower_tokens(make_item(**options), x)[0], tower_tokens(make_item(), x)[0], atol=1e-5)


def test_a_silent_sound_has_no_window() -> None:
    values, mask = tower_tokens(make_item(weights=None, width=8, layers=1), np.zeros((2, 48000), np.float32))
    assert not mask.any()
    assert np.isfinite(values).all()
