"""The log-mel against SciPy and NumPy in float64, and what padding does to it."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.signal import ShortTimeFFT

from mmzoo.modalities.audio.spectrogram import FLOOR, LogMel, SpecAugment, mel_weights

RATE, BANDS = 8000, 40
RNG = np.random.default_rng(0)
WAVE = (RNG.normal(size=(3, 8000)) * np.hanning(8000) * 0.1).astype(np.float32)
WAVE[1, 3000:] = 0
WAVE[2] = 0


def reference(wave: np.ndarray, layer: LogMel) -> tuple[np.ndarray, np.ndarray]:
    """One clip's log-mel and mask, with SciPy's transform, in float64."""
    wave = wave.astype(np.float64)
    count = 1 + (len(wave) - layer.window) // layer.hop
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(layer.window) / layer.window)
    transform = ShortTimeFFT(hann, layer.hop, RATE, fft_mode="onesided")
    # SciPy centres its windows: slice p starts half a window before sample p * hop.
    shifted = np.pad(wave, (layer.window // 2, layer.window))[layer.window // 2 :]
    frames = [shifted[k * layer.hop : k * layer.hop + layer.window] for k in range(count)]
    spectra = np.array([transform.stft(f, p0=0, p1=1, k_offset=layer.window // 2)[:, 0] for f in frames])
    log_mel = np.log(np.abs(spectra) ** 2 @ mel_weights(RATE, layer.window, BANDS) + FLOOR)
    mask = np.array([wave[k * layer.hop :].any() for k in range(count)])
    if not mask.any():
        return np.zeros_like(log_mel), mask
    real = log_mel[mask]
    return np.where(mask[:, None], (log_mel - real.mean()) / np.sqrt(real.var() + 1e-3), 0), mask


def test_log_mel_against_scipy() -> None:
    layer = LogMel(RATE, num_mel_bins=BANDS)
    frames, mask = layer(WAVE)
    for row in range(3):
        wanted, real = reference(WAVE[row], layer)
        np.testing.assert_array_equal(mask[row], real)
        np.testing.assert_allclose(frames[row], wanted, atol=2e-4)


@pytest.mark.parametrize("rate", [1000, 8000, 11025, 16000, 22050, 44100, 48000])
def test_the_transform_against_numpy_at_any_rate_and_length(rate: int) -> None:
    layer = LogMel(rate, num_mel_bins=8)
    assert abs(layer.window - 0.032 * rate) <= 8
    assert abs(layer.hop - 0.010 * rate) <= 2.5
    for length in (layer.window, layer.window + layer.hop - 1, rate // 2 + 7):
        wave = (RNG.normal(size=(2, length)) * 0.1).astype(np.float32)
        count = 1 + (length - layer.window) // layer.hop
        frames = np.stack([wave[:, k * layer.hop :][:, : layer.window] for k in range(count)], axis=1)
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(layer.window) / layer.window)
        power = np.abs(np.fft.rfft(frames.astype(np.float64) * hann)) ** 2
        wanted = np.log(power @ mel_weights(rate, layer.window, 8) + FLOOR)
        np.testing.assert_allclose(layer.log_mel(wave), wanted, atol=1e-5)


def test_the_power_of_a_tone_is_in_its_band() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / RATE).astype(np.float32)[None]
    layer = LogMel(RATE, num_mel_bins=BANDS)
    centres = mel_weights(RATE, layer.window, BANDS).argmax(axis=0) * RATE / layer.window
    loudest = int(np.asarray(layer(tone)[0])[0, 50].argmax())
    assert abs(centres[loudest] - 1000) < 60


def test_every_band_hears_something() -> None:
    assert (mel_weights(16000, 512, 64).sum(axis=0) > 0).all()


def test_silence_is_finite_and_masked() -> None:
    frames, mask = LogMel(RATE, num_mel_bins=BANDS)(WAVE[2:])
    assert not np.asarray(mask).any()
    assert not np.asarray(frames).any()


def test_augmentation_only_in_training_and_only_sets_zeros() -> None:
    layer, frames = SpecAugment(0.3), tf.ones((8, 50, 40))
    np.testing.assert_array_equal(layer(frames), frames)
    changed = layer(frames, training=True).numpy()
    assert set(np.unique(changed)) == {0.0, 1.0}
    assert 0.3 < changed.mean() < 0.999
