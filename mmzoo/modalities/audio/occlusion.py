"""What the logit loses without a tile of a spectrogram, or a stretch of a waveform."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.modalities.explanation import Probe

if TYPE_CHECKING:
    import keras

QUIET = 10  # percentile
TIMES, BANDS = 16, 8  # tiles of a spectrogram
WINDOW = 6, 3  # tiles of it that are covered at once
STRETCHES = 12  # of a waveform


def tiles(probe: Probe, at: keras.layers.Layer, values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """For a spectrogram: what the logit loses on average when a window over a tile is quiet, (TIMES, BANDS).

    A window of `WINDOW` tiles slides over all of them: what is covered has to be large enough to be missed, and where
    the windows that cost much overlap is the place (Zeiler & Fergus 2014, arXiv:1311.2901, section 4.2).

    Args:
        values, mask: what the layer `at` puts out, (1, T, F) and (1, T).
    """
    calm = quiet(values, mask)[0]
    real = max(int(mask.sum()), 1)
    edges = [np.linspace(0, n, min(m, n) + 1).round().astype(int) for n, m in ((real, TIMES), (values.shape[2], BANDS))]
    along, across = (slid(len(each) - 1, wide) for each, wide in zip(edges, WINDOW, strict=True))
    times, bands = edges
    variants = [values[0]]
    for a, b in along:
        for low, high in across:
            variants.append(values[0].copy())
            span = slice(times[a], times[b]), slice(bands[low], bands[high])
            variants[-1][span] = calm[span]
    scores = probe.scores(at, np.stack(variants), mask)
    total, count = np.zeros((2, len(times) - 1, len(bands) - 1))
    for loss, ((a, b), (low, high)) in zip(scores[0] - scores[1:], product(along, across), strict=True):
        total[a:b, low:high] += loss
        count[a:b, low:high] += 1
    return np.asarray(total / count)


def slid(count: int, wide: int) -> list[tuple[int, int]]:
    """The stretches that a window `wide` tiles wide covers of `count`, from the first tile alone to the last alone."""
    return [(max(first, 0), min(first + wide, count)) for first in range(1 - wide, count)]


def quiet(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A spectrogram (1, T, F) with each band at the tenth percentile of its real frames: the clip without its sound."""
    level = np.percentile(values[0][mask[0]], QUIET, axis=0) if mask.any() else np.zeros(values.shape[2])
    return np.where(mask[..., None], level, 0.0).astype(np.float32)


def stretches(probe: Probe) -> np.ndarray:
    """For a waveform: the logit lost when one of `STRETCHES` equal stretches is silent, (STRETCHES,)."""
    wave = probe.example
    heard = np.flatnonzero(wave)
    edges = np.linspace(0, heard[-1] + 1 if len(heard) else len(wave), STRETCHES + 1).round().astype(int)
    variants = np.repeat(wave[None], STRETCHES, axis=0)
    for k in range(STRETCHES):
        variants[k, edges[k] : edges[k + 1]] = 1e-9  # silence, but no padding
    return probe.lost(variants)
