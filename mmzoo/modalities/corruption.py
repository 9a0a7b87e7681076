"""Ways to make an input worse, in steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Corruption:
    """A way to make a modality worse.

    Args:
        unit: what `levels` are, mildest first.
        apply: `(values of the column, decoded examples, level, random, item) -> decoded examples`; None
            where a record lacks the modality.
    """

    unit: str
    levels: tuple[float, ...]
    apply: Callable[[list[Any], np.ndarray, float, np.random.Generator, Any], np.ndarray]
