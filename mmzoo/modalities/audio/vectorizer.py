"""Sounds as some hundreds of numbers: how loud each band is, how much that changes, and when."""

from __future__ import annotations

import numpy as np

from mmzoo.modalities.vectorizer import means_of_parts

PARTS = 8  # of the time


def sound_vector(frames: np.ndarray) -> np.ndarray:
    """Frames (T, F) of a log-mel spectrogram -> float32 (13 F + 2,).

    Of each band: mean, deviation, tenth and ninetieth percentile, the deviation of its first differences, and its mean
    in each of eight parts of the time; beside them how loud the whole is, and the logarithm of how long. Without any
    frame all is zero.
    """
    length, bands = frames.shape
    if not length:
        return np.zeros(13 * bands + 2)
    level = frames.mean()
    centred = frames - level
    steps = np.diff(centred, axis=0) if length > 1 else np.zeros((1, bands))
    low, high = np.percentile(centred, [10, 90], axis=0)
    rows = [centred.mean(axis=0), centred.std(axis=0), low, high, steps.std(axis=0), *means_of_parts(centred, PARTS)]
    return np.concatenate([*rows, [level, np.log1p(length)]])


def log_mel(wave: np.ndarray, sample_rate: int, bands: int) -> np.ndarray:
    """The log-mel spectrogram (T, bands) of a waveform (N,), which ends where its last samples are zeros.

    Frames of 32 ms every 10 ms under a Hann window, as `mmzoo.modalities.audio.spectrogram.LogMel` has them, but not
    normalised.
    """
    from mmzoo.modalities.audio.spectrogram import FLOOR, mel_weights

    wave = np.trim_zeros(wave, "b")
    unit = round(0.002 * sample_rate)
    window, hop = 16 * unit, 5 * unit
    if not len(wave):
        return np.zeros((0, bands), np.float32)
    wave = np.pad(wave, (0, max(window - len(wave), 0)))
    cut = np.lib.stride_tricks.sliding_window_view(wave, window)[::hop]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    power = np.abs(np.fft.rfft(cut * hann, axis=1)) ** 2
    return np.asarray(np.log(power @ mel_weights(sample_rate, window, bands) + FLOOR))
