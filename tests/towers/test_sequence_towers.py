"""The encoders of sequences, calculated again with NumPy in float64; features of sound against SciPy and tf.signal."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy.fft import dct
from scipy.signal import ShortTimeFFT, get_window
from scipy.special import expit

from mmzoo.modalities.audio.spectrogram import FLOOR, LogMel, Mfcc
from mmzoo.tokens import Tokens
from mmzoo.towers import towers

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(2, 7, 5)).astype(np.float32)
LENGTHS = (7, 4)
MASK = np.arange(7) < np.array(LENGTHS)[:, None]


def run(name: str, **options: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """An encoder's values and its weights in float64, none of them at the value it starts with."""
    keras.utils.set_random_seed(0)
    inputs = [keras.Input((7, 5)), keras.Input((7,), dtype="bool")]
    tokens = towers[name].encoder(Tokens(*inputs), lambda suffix: f"x_{suffix}", **options)
    model = keras.Model(inputs, tuple(tokens))
    for weight in model.weights:
        weight.assign(weight + RNG.normal(size=weight.shape) * 0.1)
    values, mask = model([VALUES, MASK], training=False)
    np.testing.assert_array_equal(mask, MASK)
    return np.asarray(values), {w.path: np.asarray(w, np.float64) for w in model.weights}


def lstm(x: np.ndarray, weights: dict[str, np.ndarray], prefix: str) -> np.ndarray:
    kernel, recurrent, bias = (weights[f"{prefix}/{part}"] for part in ("kernel", "recurrent_kernel", "bias"))
    state = cell = np.zeros(recurrent.shape[0])
    out = []
    for step in x:
        i, f, g, o = np.split(step @ kernel + state @ recurrent + bias, 4)
        cell = expit(f) * cell + expit(i) * np.tanh(g)
        state = expit(o) * np.tanh(cell)
        out.append(state)
    return np.array(out)


def test_lstm() -> None:
    found, weights = run("lstm", width=3)
    for row, length in enumerate(LENGTHS):
        wanted = lstm(VALUES[row, :length], weights, "x_recurrent0/lstm_cell")
        np.testing.assert_allclose(found[row, :length], wanted, atol=1e-5)


def test_bilstm() -> None:
    found, weights = run("bilstm", width=6)
    for row, length in enumerate(LENGTHS):
        x = VALUES[row, :length]
        forward = lstm(x, weights, "x_recurrent0/forward_lstm/lstm_cell")
        backward = lstm(x[::-1], weights, "x_recurrent0/backward_lstm/lstm_cell")[::-1]
        np.testing.assert_allclose(found[row, :length], np.concatenate([forward, backward], axis=1), atol=1e-5)


def test_gru() -> None:
    found, weights = run("gru", width=3)
    kernel, recurrent, bias = (
        weights[f"x_recurrent0/gru_cell/{part}"] for part in ("kernel", "recurrent_kernel", "bias")
    )
    for row, length in enumerate(LENGTHS):
        state, wanted = np.zeros(3), []
        for step in VALUES[row, :length]:
            zx, rx, hx = np.split(step @ kernel + bias[0], 3)
            zs, rs, hs = np.split(state @ recurrent + bias[1], 3)
            update, reset = expit(zx + zs), expit(rx + rs)
            state = update * state + (1 - update) * np.tanh(hx + reset * hs)
            wanted.append(state)
        np.testing.assert_allclose(found[row, :length], wanted, atol=1e-5)


def convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, left: int, step: int = 1) -> np.ndarray:
    """x (T, C), kernel (K, C, D): `left` zeros before, as many after as keep the length; taps `step` apart."""
    reach = (len(kernel) - 1) * step
    x = np.pad(x, ((left, reach - left), (0, 0)))
    return (
        np.array([sum(x[t + k * step] @ kernel[k] for k in range(len(kernel))) for t in range(len(x) - reach)]) + bias
    )


def test_cnn_1d() -> None:
    found, weights = run("cnn_1d", width=7, kernels=[2, 3])
    for row in range(2):
        x = np.where(MASK[row, :, None], VALUES[row], 0)
        parts = [
            np.maximum(convolve(x, weights[f"x_conv{k}/kernel"], weights[f"x_conv{k}/bias"], (size - 1) // 2), 0)
            for k, size in enumerate((2, 3))
        ]
        np.testing.assert_allclose(found[row], np.concatenate(parts, axis=1), atol=1e-5)


def test_tcn() -> None:
    found, weights = run("tcn", width=4, blocks=2, kernel=3)
    for row in range(2):
        x = np.where(MASK[row, :, None], VALUES[row].astype(np.float64), 0)
        for block in range(2):
            entry = x
            for half in range(2):
                label = f"x_block{block}_conv{half}"
                step = 2**block
                x = convolve(x, weights[f"{label}/kernel"], weights[f"{label}/bias"], 2 * step, step)
                x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3)
                x = np.maximum(x * weights[f"{label}_norm/gamma"] + weights[f"{label}_norm/beta"], 0)
            if block == 0:
                entry = entry @ weights["x_block0_entry/kernel"] + weights["x_block0_entry/bias"]
            x = np.where(MASK[row, :, None], np.maximum(x + entry, 0), 0)
        np.testing.assert_allclose(found[row], x, atol=1e-5)


def test_tcn_does_not_see_what_comes() -> None:
    inputs = [keras.Input((7, 5)), keras.Input((7,), dtype="bool")]
    model = keras.Model(inputs, towers["tcn"].encoder(Tokens(*inputs), str, width=4).values)
    changed = VALUES.copy()
    changed[:, 4:] += 1
    everything = np.ones_like(MASK)
    np.testing.assert_array_equal(model([VALUES, everything])[:, :4], model([changed, everything])[:, :4])


WAVE = RNG.normal(size=(1, 8000)).astype(np.float32) * 0.1


def test_log_mel_against_scipy() -> None:
    layer = LogMel(8000, num_mel_bins=40)
    sliding = ShortTimeFFT(get_window("hann", layer.window), layer.hop, 8000)
    found = np.asarray(layer.log_mel(WAVE))[0]
    # SciPy's frames are around their times, these begin there.
    spectrum = np.abs(sliding.stft(WAVE[0].astype(np.float64), 0, len(found), k_offset=layer.window // 2)) ** 2
    bands = np.asarray(tf.signal.linear_to_mel_weight_matrix(40, layer.window // 2 + 1, 8000, 60.0, 4000.0, tf.float64))
    np.testing.assert_allclose(found, np.log(spectrum.T @ bands + FLOOR), atol=1e-3)


def test_mfcc_against_scipy() -> None:
    layer = Mfcc(8000, num_mel_bins=40)
    frames = np.asarray(layer.log_mel(WAVE), np.float64)[0]
    wanted = dct(frames, type=2, norm="ortho", axis=1)[:, :20]
    wanted = (wanted - wanted.mean(0)) / np.sqrt(wanted.var(0) + 1e-3)
    found, mask = layer(WAVE)
    assert np.asarray(mask).all()
    np.testing.assert_allclose(np.asarray(found)[0], wanted, atol=1e-4)
