"""The subsets of a model's modalities, and examples with only those."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from mmzoo.spec import Spec


def subsets(spec: Spec) -> list[tuple[str, ...]]:
    """All non-empty subsets of the inputs, the small ones first."""
    names = spec.input_names
    return [chosen for size in range(1, len(names) + 1) for chosen in combinations(names, size)]


def presence_of(spec: Spec, present: np.ndarray, chosen: Sequence[str]) -> np.ndarray:
    """`present` bool (N, M) of the same examples with only the `chosen` modalities."""
    return present & np.array([name in chosen for name in spec.input_names])
