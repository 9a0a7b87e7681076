"""Units of records dealt to the parts of a split or to folds, so that each has its share of every class.

A unit is what stays together. It has a place from 0 to 1, and counts its records of each class: `strata`, int (units,
classes).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from mmzoo.data.schema.options import Drawing

STEADY = 1000
"""Units of one class from which each is drawn by itself: the shares are near enough then, and none changes sides."""


def dealt_evenly(places: np.ndarray, strata: np.ndarray, count: int, drawing: Drawing) -> np.ndarray:
    """The fold of each unit, int (units,) from 0 to `count - 1`."""
    if drawing.group:
        return dealt(places, strata, [1 / count] * count)
    folds, start = np.zeros(len(places), int), 0
    for members in by_stratum(places, strata):
        folds[members] = (start + np.arange(len(members))) % count
        start += len(members)
    return folds


def drawn(places: np.ndarray, strata: np.ndarray, shares: Mapping[str, float], drawing: Drawing) -> np.ndarray:
    """The part of each unit."""
    if drawing.group:
        return np.asarray(np.array(list(shares), object)[dealt(places, strata, list(shares.values()))])
    return by_strata(places, strata, shares)


def by_stratum(places: np.ndarray, strata: np.ndarray) -> list[np.ndarray]:
    """The units of each class, that which most of their records have, in the order of their places."""
    main = strata.argmax(axis=1)
    order = np.argsort(places, kind="stable")
    return [chosen for stratum in range(strata.shape[1]) if len(chosen := order[main[order] == stratum])]


def by_strata(places: np.ndarray, strata: np.ndarray, shares: Mapping[str, float]) -> np.ndarray:
    """The part of each unit, where each part gets its share of each class."""
    found = np.full(len(places), "train", dtype=object)
    others = sorted((part for part in shares if part != "train"), key=lambda part: -shares[part])
    whole = sum(shares.values())
    for members in by_stratum(places, strata):
        count = len(members)
        ends = np.cumsum([shares[part] / whole for part in ("train", *others)])
        if count >= STEADY:
            found[members] = np.array(["train", *others], object)[
                np.searchsorted(ends[:-1], places[members], side="right")
            ]
            continue
        sizes = [max(1, round(shares[part] / whole * count)) for part in others]
        sizes = sizes if count > 3 else [1, 0][: len(others)] if count > 1 else [0] * len(others)
        start = count - sum(sizes)
        for part, size in zip(others, sizes, strict=True):
            found[members[start : start + size]] = part
            start += size
    return found


def dealt(places: np.ndarray, strata: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """The number of the part of each unit, int (units,), where units have records of several classes.

    The most uneven go first, each to the part whose shares of its classes are then nearest to what they shall be
    (as scikit-learn's `StratifiedGroupKFold` does it). Where there are as many units as parts, each part has one.
    """
    strata = strata[:, strata.any(axis=0)]  # a class may be missing
    total = strata.sum(axis=0)
    part_of: dict[int, list[int]] = defaultdict(list)
    wanted = np.outer(np.array(shares) / sum(shares), np.ones(len(total)))
    filled = np.zeros_like(wanted)
    size = strata.std(axis=1) if strata.shape[1] > 1 else strata[:, 0]
    order = np.lexsort((places, -size))
    found = np.zeros(len(places), int)
    for unit in order:
        after = filled + strata[unit] / total
        gain = (((after - wanted) ** 2 - (filled - wanted) ** 2) * total).sum(
            axis=1
        )  # a class counts as its records do
        part = int(gain.argmin())
        found[unit], filled[part] = part, after[part]
        part_of[part].append(int(unit))
    for part in range(len(shares)):
        fullest = max(part_of, key=lambda each: len(part_of[each]))
        if not part_of.get(part) and len(part_of[fullest]) > 1:
            unit = part_of[fullest].pop()  # the last is one of the smallest
            found[unit] = part
            part_of[part] = [unit]
    return found
