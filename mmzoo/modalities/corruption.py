"""Ways to make an input worse, in steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmzoo.aliases import Raw, Untyped


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
    apply: Callable[[Sequence[Raw], np.ndarray, float, np.random.Generator, Untyped], np.ndarray]
