"""Attribution by leaving out: what the logit loses without a patch, a word, a stretch of a band, a column."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

from mmzoo.evaluation.case import Case
from mmzoo.evaluation.gradients import gradients

GRID = 8  # patches a side of a picture
QUIET = 10  # percentile
TIMES, BANDS = 12, 8  # tiles of a spectrogram
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


def tiles(case: Case, name: str, at: str, values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """For a spectrogram: the logit lost when a tile and its surroundings are quiet, (TIMES, BANDS).

    Args:
        values, mask: what the layer `at` puts out, (1, T, F) and (1, T).
    """
    calm = quiet(values, mask)[0]
    real = max(int(mask.sum()), 1)
    times = np.linspace(0, real, min(TIMES, real) + 1).round().astype(int)
    bands = np.linspace(0, values.shape[2], min(BANDS, values.shape[2]) + 1).round().astype(int)
    variants = [values[0]]
    for a, b in around(times):
        for low, high in around(bands):
            variants.append(values[0].copy())
            variants[-1][a:b, low:high] = calm[a:b, low:high]
    scores, _ = gradients(case, name, at, np.stack(variants), mask)
    return (scores[0] - scores[1:]).reshape(len(times) - 1, len(bands) - 1)


def around(edges: np.ndarray) -> list[tuple[int, int]]:
    """The stretch between each two edges and half as much on either side, so that what is covered is no crumb."""
    widths = np.diff(edges) // 2 + 1
    return [(max(a - w, 0), b + w) for (a, b), w in zip(pairwise(edges), widths, strict=True)]


def quiet(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A spectrogram (1, T, F) with each band at the tenth percentile of its real frames: the clip without its sound."""
    level = np.percentile(values[0][mask[0]], QUIET, axis=0) if mask.any() else np.zeros(values.shape[2])
    return np.where(mask[..., None], level, 0.0).astype(np.float32)


def stretches(case: Case, name: str) -> np.ndarray:
    """For a waveform: the logit lost when one of `TIMES` equal stretches is silent, (TIMES,)."""
    wave = case.inputs[name][0]
    heard = np.flatnonzero(wave)
    edges = np.linspace(0, heard[-1] + 1 if len(heard) else len(wave), TIMES + 1).round().astype(int)
    variants = np.repeat(wave[None], TIMES, axis=0)
    for k in range(TIMES):
        variants[k, edges[k] : edges[k + 1]] = 1e-9  # silence, but no padding
    return lost(case, full_logit(case), case.with_examples(name, variants))


def columns(case: Case, name: str, absent: np.ndarray) -> np.ndarray:
    """For channels or columns (the last axis): the logit lost without each, which then holds its value of `absent`."""
    example = case.inputs[name][0]
    variants = np.repeat(example[None], example.shape[-1], axis=0)
    for k in range(example.shape[-1]):
        variants[k, ..., k] = absent[k]
    return lost(case, full_logit(case), case.with_examples(name, variants))
