"""A sound that has a log-mel spectrogram, by guessing what that has lost: the phases."""

from __future__ import annotations

import numpy as np

ROUNDS = 32
DEEP = 2.5  # deviations of a log-mel that was brought to deviation 1: what speech has
PEAK = 0.5  # of the waveform


def sound_of(frames: np.ndarray, sample_rate: int, window: int, hop: int) -> np.ndarray:
    """A waveform, float32 (N,), whose log-mel spectrogram is like one, (T, bands), at mean 0 and deviation 1.

    The power of each frequency is the least-squares one, and the phases are found by going to and fro between waveform
    and spectrogram (Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform"). How loud it
    was is not known: its peak is 0.5.
    """
    from mmzoo.modalities.audio.spectrogram import mel_weights

    power = np.exp(DEEP * np.nan_to_num(frames, nan=-4.0))
    mel = mel_weights(sample_rate, window, frames.shape[1])
    size = np.sqrt(np.maximum(power @ np.linalg.pinv(mel), 0.0))
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    phases = np.exp(2j * np.pi * np.random.default_rng(0).random(size.shape))
    wave = np.zeros(window + hop * (len(size) - 1))
    for _ in range(ROUNDS):
        wave = overlapped(np.fft.irfft(size * phases, window, axis=1) * hann, hann**2, hop)
        cut = np.lib.stride_tricks.sliding_window_view(wave, window)[::hop]
        found = np.fft.rfft(cut * hann, axis=1)
        phases = found / np.maximum(np.abs(found), 1e-9)
    return np.asarray(wave * (PEAK / max(float(np.abs(wave).max()), 1e-9)), np.float32)


def overlapped(parts: np.ndarray, weights: np.ndarray, hop: int) -> np.ndarray:
    """Windows (T, N), one every `hop` samples, added up and divided by what their weights (N,) add up to."""
    count, window = parts.shape
    total, shared = np.zeros(window + hop * (count - 1)), np.zeros(window + hop * (count - 1))
    for place, part in enumerate(parts):
        total[place * hop : place * hop + window] += part
        shared[place * hop : place * hop + window] += weights
    return np.asarray(total / np.maximum(shared, 1e-3))
