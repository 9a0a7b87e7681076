"""How long the examples of an input are to be, by a sample of what there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")

LOOKED_AT = 64
"""Files of a column that are opened to see how long they are."""
LITTLE_MORE = 1.5
"""Where the longest is no more than so many times what nineteen of twenty have, all are read whole."""


def spread(values: Sequence[T], count: int = LOOKED_AT) -> list[T]:
    """At most `count` of some values, from the first to the last at even distances: a table is often sorted."""
    places = np.unique(np.linspace(0, len(values) - 1, min(count, len(values))).astype(int))
    return [values[place] for place in places]


def fitting_length(lengths: Sequence[float], least: float, most: float) -> float:
    """The longest of some lengths, or what nineteen of twenty are not over where it is much longer; within limits."""
    usual, longest = float(np.percentile(lengths, 95)), float(np.max(lengths))
    return min(max(longest if longest <= LITTLE_MORE * usual else usual, least), most)
