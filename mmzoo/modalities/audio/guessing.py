"""How long the sounds of a column are, and at which rate they were recorded."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError
from mmzoo.modalities.audio.sounds import Extent, extent_of
from mmzoo.modalities.files import FILES
from mmzoo.modalities.lengths import fitting_length, spread

HIGHEST_GUESS = 16000
"""The highest rate of a guess: what is above 8 kHz tells voices, machines and most sounds little apart."""


def usual_extent(values: Sequence[Raw]) -> tuple[int, float]:
    """As long as nineteen of twenty sounds are, half a second to ten, at the commonest rate from 1 to 16 kHz."""
    found: list[Extent] = []
    for value in spread(values):
        # An array is taken to be at the model's rate, if it does not say its own.
        wave, rate = value if isinstance(value, tuple) else (value, HIGHEST_GUESS)
        with suppress(MMZooError, TypeError, ZeroDivisionError):  # decoding will name it
            if isinstance(wave, np.ndarray):
                found.append(Extent(rate, max(wave.shape, default=0) / rate))
            elif isinstance(wave, FILES):
                found.append(extent_of(wave))
    found = found or [Extent(HIGHEST_GUESS, 2.0)]
    seconds = fitting_length([each.seconds for each in found], 0.5, 10.0)
    # What most are: a resampled one costs time, and one that is made of fewer samples gains nothing by it.
    ((rate, _),) = Counter(each.rate for each in found).most_common(1)
    return int(min(max(rate, 1000), HIGHEST_GUESS)), math.ceil(seconds * 10) / 10
