"""What each modality contributed to an answer: Shapley values over all subsets, or sampled over some orders."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import factorial

import numpy as np

from mmzoo.errors import require
from mmzoo.inference.subsets import MOST

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


def sampled_shapley(
    values: dict[Coalition, np.ndarray], names: Sequence[str], orders: Sequence[Sequence[str]]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Estimates of `shapley`, which sum to the same, and the standard errors of each.

    Args:
        values: for every set with which one of the orders begins, also the empty one and all, in the order of `names`.
        orders: of all names, each followed by its reverse: pairs of them are the samples.
    """
    marginal: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for order in orders:
        for place, name in enumerate(order):
            gained = value(values, names, {*order[: place + 1]}) - value(values, names, {*order[:place]})
            marginal[name].append(gained)
    means = {name: np.mean(np.reshape(each, (-1, 2, *np.shape(each[0]))), axis=1) for name, each in marginal.items()}
    shares = {name: each.mean(axis=0) for name, each in means.items()}
    return shares, {name: each.std(axis=0, ddof=1) / np.sqrt(len(each)) for name, each in means.items()}


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
