"""Series as some tens of numbers a channel: its distribution, its spectrum, how it changes, and when."""

from __future__ import annotations

import numpy as np

from mmzoo.modalities.vectorizer import means_of_parts

BANDS, PARTS, LAGS = 8, 8, (1, 2, 4, 8)
MOST_PAIRS = 16  # channels up to which each pair of them is correlated


def series_vector(series: np.ndarray) -> np.ndarray:
    """(steps, C) with NaN for gaps and after the end -> (F,), as many numbers for each series of C channels.

    Of each channel: mean, deviation, extremes, quartiles, skewness and kurtosis; deviation and mean size of the
    differences; how often it crosses its mean; autocorrelations at four lags; the logarithm of the power in eight bands
    of its spectrum; its mean in eight parts of the time, and the share of gaps. Of all: the correlations of the
    channels, and the logarithm of how long it is.
    """
    measured = np.isfinite(series)
    rows = np.flatnonzero(measured.any(axis=1))
    length = int(rows[-1]) + 1 if len(rows) else 0
    cut, there = series[:length].astype(np.float64), measured[:length]
    found = [channel_vector(without_gaps(cut[:, k])) for k in range(series.shape[1])]
    gaps = 1.0 - there.mean(axis=0) if length else np.ones(series.shape[1])
    return np.concatenate([*found, gaps, correlations(cut), [np.log1p(length)]])


def without_gaps(channel: np.ndarray) -> np.ndarray:
    """Gaps filled by straight lines; a channel without any number is zeros. At least two steps."""
    there = np.flatnonzero(np.isfinite(channel))
    if not len(there):
        return np.zeros(max(len(channel), 2))
    filled = np.interp(np.arange(max(len(channel), 2)), there, channel[there])
    return np.asarray(filled)


def channel_vector(x: np.ndarray) -> np.ndarray:
    """The numbers of one channel (T,) without gaps."""
    mean, deviation = x.mean(), x.std()
    z = (x - mean) / (deviation + 1e-9)
    steps = np.diff(x)
    crossings = (np.diff(np.signbit(z)) != 0).mean()
    alike = [(z[lag:] * z[:-lag]).mean() if len(z) > lag else 0.0 for lag in LAGS]
    shape = [mean, deviation, x.min(), x.max(), *np.percentile(x, [10, 25, 50, 75, 90]), (z**3).mean(), (z**4).mean()]
    change = [steps.std(), np.abs(steps).mean(), crossings, x[-1] - x[0]]
    return np.array([*shape, *change, *alike, *spectrum(z), *means_of_parts(x, PARTS)])


def spectrum(z: np.ndarray) -> np.ndarray:
    """The logarithm of the share of the power in each of eight bands of equal width on a logarithmic axis."""
    power = np.abs(np.fft.rfft(z)[1:]) ** 2
    edges = np.geomspace(1, len(power) + 1, BANDS + 1) - 1
    place = np.clip(np.searchsorted(edges, np.arange(len(power)), side="right") - 1, 0, BANDS - 1)
    shares = np.bincount(place, power, BANDS) / (power.sum() + 1e-9)
    return np.asarray(np.log(shares + 1e-6))


def correlations(series: np.ndarray) -> np.ndarray:
    """The correlations (C (C - 1) / 2,) of the channels of (T, C); nothing of more than `MOST_PAIRS` channels."""
    count = series.shape[1]
    if not 1 < count <= MOST_PAIRS:
        return np.zeros(0)
    if len(series) < 2:
        return np.zeros(count * (count - 1) // 2)
    filled = np.stack([without_gaps(series[:, k]) for k in range(count)])
    z = (filled - filled.mean(axis=1, keepdims=True)) / (filled.std(axis=1, keepdims=True) + 1e-9)
    found: np.ndarray = (z @ z.T / z.shape[1])[np.triu_indices(count, 1)]
    return found
