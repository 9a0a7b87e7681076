"""Attribution by leaving out: what the logit loses without a patch, a word, a stretch of a band, a column."""

from __future__ import annotations

import re
from itertools import product

import keras
import numpy as np

from mmzoo.evaluation.case import Case
from mmzoo.evaluation.gradients import gradients

GRID = 8  # patches a side of a picture
QUIET = 10  # percentile
TIMES, BANDS = 16, 8  # tiles of a spectrogram
WINDOW = 6, 3  # tiles of it that are covered at once
STRETCHES = 12  # of a waveform
MOST_WORDS = 64


def lost(case: Case, full: float, logits: np.ndarray) -> np.ndarray:
    """What the logit was higher with everything, (B,)."""
    return full - case.logit(logits)


def full_logit(case: Case) -> float:
    """The logit of the case's answer to the whole record."""
    return float(case.logit(case.with_subsets([tuple(case.names)]))[0])


def patches(case: Case, name: str) -> np.ndarray:
    """For a picture or each frame's place in a video: the logit lost when a patch has the mean colour, (GRID, GRID)."""
    example = case.inputs[name][0]
    high, wide = example.shape[-3:-1]
    colour = example.reshape(-1, 3).mean(axis=0).round().astype(example.dtype)
    rows, columns = (np.linspace(0, size, GRID + 1).round().astype(int) for size in (high, wide))
    variants = np.repeat(example[None], GRID * GRID, axis=0)
    for k in range(GRID * GRID):
        r, c = divmod(k, GRID)
        variants[k, ..., rows[r] : rows[r + 1], columns[c] : columns[c + 1], :] = colour
    return lost(case, full_logit(case), case.with_examples(name, variants)).reshape(GRID, GRID)


def words(case: Case, name: str) -> tuple[list[str], np.ndarray]:
    """The first words of a text, and the logit lost without each."""
    value = case.record[name]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    spans = [match.span() for match in re.finditer(r"\S+", text)][:MOST_WORDS]
    item = next(item for item in case.spec.inputs if item.name == name)
    if not spans:
        return [], np.zeros(0)
    variants = np.stack([item.decode((text[:a] + text[b:]).strip()) for a, b in spans])
    return [text[a:b] for a, b in spans], lost(case, full_logit(case), case.with_examples(name, variants))


def tiles(case: Case, name: str, at: keras.layers.Layer, values: np.ndarray, mask: np.ndarray) -> np.ndarray:
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
    scores, _ = gradients(case, name, at, np.stack(variants), mask)
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


def stretches(case: Case, name: str) -> np.ndarray:
    """For a waveform: the logit lost when one of `STRETCHES` equal stretches is silent, (STRETCHES,)."""
    wave = case.inputs[name][0]
    heard = np.flatnonzero(wave)
    edges = np.linspace(0, heard[-1] + 1 if len(heard) else len(wave), STRETCHES + 1).round().astype(int)
    variants = np.repeat(wave[None], STRETCHES, axis=0)
    for k in range(STRETCHES):
        variants[k, edges[k] : edges[k + 1]] = 1e-9  # silence, but no padding
    return lost(case, full_logit(case), case.with_examples(name, variants))


def columns(case: Case, name: str, absent: np.ndarray) -> np.ndarray:
    """For channels or columns (the last axis): the logit lost without each, which then holds its value of `absent`."""
    example = case.inputs[name][0]
    variants = np.repeat(example[None], example.shape[-1], axis=0)
    for k in range(example.shape[-1]):
        variants[k, ..., k] = absent[k]
    return lost(case, full_logit(case), case.with_examples(name, variants))
