"""What each modality contributed to an answer: exact Shapley values over all subsets."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import factorial

import numpy as np

from mmzoo.errors import require

MOST = 6  # modalities; each doubles the number of subsets

Coalition = tuple[str, ...]


def coalitions(names: Sequence[str]) -> list[Coalition]:
    """All subsets of `names`, the empty one first."""
    require(
        len(names) <= MOST,
        f"Exact attribution runs over all subsets, so of at most {MOST} modalities, not {len(names)}.",
    )
    return [chosen for size in range(len(names) + 1) for chosen in combinations(names, size)]


def shapley(values: dict[Coalition, np.ndarray], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Each modality's share of `values[all] - values[none]`, float64 of their shape (Shapley 1953).

    The mean, over all orders in which the modalities could come, of what each adds when it comes:
    `phi_i = sum_S |S|! (n - |S| - 1)! / n! (v(S + i) - v(S))` over the subsets S without i.

    Args:
        values: for each of `coalitions(names)`, the number or array that is shared out.
    """
    found = {}
    for name in names:
        terms = []
        for without in coalitions([other for other in names if other != name]):
            weight = factorial(len(without)) * factorial(len(names) - len(without) - 1) / factorial(len(names))
            terms.append(weight * (value(values, names, {*without, name}) - value(values, names, {*without})))
        found[name] = np.sum(terms, axis=0)
    return found


def interactions(values: dict[Coalition, np.ndarray], names: Sequence[str]) -> dict[str, np.ndarray]:
    """For each pair `"a+b"`, what both together are worth beyond the sum of the two (Grabisch & Roubens 1999).

    `I_ij = sum_S |S|! (n - |S| - 2)! / (n - 1)! (v(S + ij) - v(S + i) - v(S + j) + v(S))`; below 0
    the two say the same thing.
    """
    found = {}
    for first, second in combinations(names, 2):
        terms = []
        for rest in coalitions([name for name in names if name not in (first, second)]):
            weight = factorial(len(rest)) * factorial(len(names) - len(rest) - 2) / factorial(len(names) - 1)
            both, one, other, none = ({*rest, *more} for more in ((first, second), (first,), (second,), ()))
            together = value(values, names, both) + value(values, names, none)
            terms.append(weight * (together - value(values, names, one) - value(values, names, other)))
        found[f"{first}+{second}"] = np.sum(terms, axis=0)
    return found


def value(values: dict[Coalition, np.ndarray], names: Sequence[str], chosen: set[str]) -> np.ndarray:
    """What `values` has for a set, in float64."""
    return np.asarray(values[tuple(name for name in names if name in chosen)], np.float64)
