"""A long sound in windows that Whisper can hear, cut where it is quiet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmzoo.modalities.audio.slaney import RATE
from mmzoo.towers.whisper import LONGEST

WINDOW = LONGEST * RATE
EARLIEST = 2 * WINDOW // 3
"""A window ends at the quietest place behind this one: a word that is cut in two is lost."""
QUIET = RATE // 5
"""Samples over which it is told how quiet a place is: stops within a word are shorter."""
BEHIND = STEP = RATE // 5
"""Samples of silence behind the longest of several sounds; and what their common length is a multiple of, so that few
graphs are made."""


def padded(sounds: Sequence[np.ndarray], *, whole: bool = False) -> np.ndarray:
    """Sounds of up to 30 seconds in one array, (B, N), zeros behind each: up to 30 seconds, or little."""
    length = -(-(max(map(len, sounds)) + BEHIND) // STEP) * STEP
    length = WINDOW if whole else min(length, WINDOW)
    return np.stack([np.pad(sound, (0, length - len(sound))) for sound in sounds])


def windows(samples: np.ndarray) -> list[np.ndarray]:
    """A sound (N,) at 16 kHz in parts of at most 30 seconds, in order; one of no samples has none."""
    parts = []
    while len(samples) > WINDOW:
        at = EARLIEST + quietest(samples[EARLIEST:WINDOW])
        parts.append(samples[:at])
        samples = samples[at:]
    return [*parts, samples] if len(samples) else parts


def quietest(samples: np.ndarray) -> int:
    """The middle of the stretch with the least energy."""
    energy = np.cumsum(np.square(samples, dtype=np.float64))
    return int((energy[QUIET:] - energy[:-QUIET]).argmin()) + QUIET // 2
