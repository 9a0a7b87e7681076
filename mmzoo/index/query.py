"""What is searched for: the vectors of one or several inputs as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import check_number, require, unknown
from mmzoo.index.columns import LEAST_NORM, unit

MAX_WEIGHT = 1000


def asked_for(query: Mapping[str, object], inputs: Sequence[str], known: Iterable[str]) -> dict[str, Raw]:
    """The inputs of a query that say something.

    Args:
        inputs: those that the model has vectors of.
        known: all of its inputs.

    Raises:
        MMZooError: there is none, or one that the model has no vector of.
    """
    for name in query:
        if name not in inputs:
            require(name not in known, f"The model gives no vector of its input '{name}'; ask by: {', '.join(inputs)}.")
            raise unknown("input of the model called", name, inputs)
    given = {name: value for name, value in query.items() if value is not None}
    for name, value in given.items():
        empty = isinstance(value, (str, bytes)) and not value.strip()
        require(not empty, f"The query's '{name}' is empty; say what to look for.")
    require(given, f"The query is empty; give at least one of: {', '.join(inputs)}.")
    return given


def combined(
    vectors: Mapping[str, np.ndarray], weights: Mapping[str, float] | None, usual: Mapping[str, float], dim: int
) -> np.ndarray:
    """The sum of the vectors of a query's inputs, each of length 1, by their weights; float32 (dim,).

    Args:
        weights: by input; below 0 for what is not wanted.
        usual: those of the inputs without one; 1 of what is not in it.

    Raises:
        MMZooError: a vector is not finite, as that of a silent sound is; a weight is of an input that is not asked by,
            or the sum is zero.
    """
    weights = dict(weights or {})
    for name, weight in weights.items():
        if name not in vectors:
            raise unknown("input in the query called", name, vectors)
        check_number(f"The weight of '{name}'", weight, -MAX_WEIGHT, MAX_WEIGHT)
    total = np.zeros(dim, np.float32)
    for name, vector in vectors.items():
        said = f"The query's '{name}' says nothing to the model, such as a silent sound or a text without words"
        require(not np.isnan(vector).all(), f"{said}; give another.")
        total += weights.get(name, usual.get(name, 1.0)) * unit(vector, dim, f"The vector of the query's '{name}'")
    require(np.linalg.norm(total) > LEAST_NORM, "The query's inputs outweigh each other; give other weights.")
    return total
