"""Small pictures of sounds: one to look at, one to compare with others."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mmzoo.modalities.shown import png

ROWS, COLUMNS = 8, 9  # of a fingerprint


def spectrum_png(wave: np.ndarray, rate: int) -> bytes:
    """A waveform's spectrogram as a grey PNG, dark where it is loud, time to the right and pitch upwards."""
    from PIL import Image
    from scipy.signal import spectrogram as power

    wave = np.trim_zeros(wave, "b")
    window = min(round(0.032 * rate), max(len(wave), 16))
    padded = np.pad(wave, (0, max(window - len(wave), 0)))
    *_, found = power(padded, rate, nperseg=window, noverlap=window * 2 // 3)
    loud = 10 * np.log10(found + 1e-12)
    grey = 255 * (1 - np.clip((loud - loud.max() + 60) / 60, 0, 1))
    return png(np.asarray(Image.fromarray(grey[::-1].astype(np.uint8)).resize((220, 64))))


def sound_map(wave: np.ndarray) -> np.ndarray:
    """float32 (N,), without the padding at its end, as the power in dB of 8 octave-like bands in 9 parts."""
    wave = np.trim_zeros(wave, "b")
    if len(wave) < 64 * COLUMNS:
        return np.zeros((ROWS, COLUMNS), np.float32)
    parts = np.array_split(wave, COLUMNS)
    power = [np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2 for part in parts]
    edges = [np.geomspace(1, len(each), ROWS + 1).astype(int) for each in power]
    bands = [[each[a : max(b, a + 1)].sum() for a, b in pairwise(e)] for each, e in zip(power, edges, strict=True)]
    return np.asarray(10 * np.log10(np.array(bands, np.float32).T + 1e-6), np.float32)
