"""Sounds made worse: white noise, babble."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.modalities.corruption import Corruption

if TYPE_CHECKING:
    from mmzoo.modalities.base import Modality

VOICES = 4  # of other records, that make babble


def mixed(waves: np.ndarray, noise: np.ndarray, level: float) -> np.ndarray:
    """Waveforms (B, N) with `noise` (B, N) at `level` dB of signal over noise, only up to each one's end."""
    out = waves.copy()
    for k, wave in enumerate(waves):
        heard = np.flatnonzero(wave)
        if len(heard):
            span = slice(0, heard[-1] + 1)
            loud, soft = np.square(wave[span]).mean(), max(np.square(noise[k, span]).mean(), 1e-12)
            out[k, span] += noise[k, span] * np.sqrt(loud / soft / 10 ** (level / 10))
    return out.astype(np.float32)


def white(
    values: Sequence[Raw], examples: np.ndarray, level: float, random: np.random.Generator, item: Modality
) -> np.ndarray:
    """White noise."""
    return mixed(examples, random.normal(0, 1, examples.shape), level)


def babble(
    values: Sequence[Raw], examples: np.ndarray, level: float, random: np.random.Generator, item: Modality
) -> np.ndarray:
    """The sum of other records' clips, each repeated to the full length."""
    clips = [np.trim_zeros(wave, "b") for wave in examples if wave.any()] or [np.ones(1, np.float32)]
    noise = np.zeros_like(examples)
    for k in range(len(examples)):
        for other in random.integers(0, len(clips), VOICES):
            clip = np.resize(clips[other], examples.shape[1])
            noise[k] += clip / max(np.sqrt(np.square(clip).mean()), 1e-9)
    return mixed(examples, noise, level)


CORRUPTIONS = {
    "white noise": Corruption("dB", (20, 10, 0, -10), white),
    "babble": Corruption("dB", (20, 10, 0, -10), babble),
}
