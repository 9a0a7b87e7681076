"""Has what comes changed? ADWIN of Bifet & Gavaldà 2007, "Learning from Time-Changing Data with Adaptive Windowing".

It is written here, though the library river has it too: its state is a few dozen numbers, which a checkpoint holds
exactly, and which are read back without anything of a file being executed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TypedDict

import numpy as np

DELTA = 0.002
"""The chance of an alarm where nothing has changed."""
BUCKETS = 5
"""Of each size, at most: with so many a window of N values is held in about 5 log2(N / 5) numbers."""
FEWEST = 5
"""Values on either side of a cut, at least."""
NAMED = 3
"""Columns that an alarm names."""
COMPARED, FEWEST_OLD = 4, 4
"""Every so many steps new records are compared with those of the past, if these are so many."""


def alarm(what: str, records: int, moved: Sequence[str]) -> str:
    """What is said where something has changed.

    Args:
        what: has become larger: "loss" or "embedding".
        records: taken by now.
        moved: the columns whose numbers have moved, in words.
    """
    why = "answers have become worse" if what == "loss" else "records are unlike those before"
    which = f": {'; '.join(moved[:NAMED])}" if moved else ""
    return (
        f"note: about record {records:,} {why} (the {what}){which}. Look at what comes since then: if it is wrong, "
        "stop (Ctrl-C) and mend the source; if the world has changed, go on: it is being learnt."
    )


class Buckets(TypedDict):
    """An `Adwin` as plain data."""

    sizes: list[int]
    totals: list[float]
    spreads: list[float]


@dataclass
class Adwin:
    """A window over numbers from 0 to 1 that is as long as their mean has not changed.

    It is cut where the means of its older and its newer part differ by more than chance gives, and the older part is
    dropped. The values are held as sums over 1, 2, 4 ... of them, the oldest first.

    Args:
        sizes, totals, spreads: of each bucket how many values it has, their sum, and the sum of their squared
            distances from their mean.
    """

    sizes: list[int] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    spreads: list[float] = field(default_factory=list)

    def add(self, values: np.ndarray) -> bool:
        """Take values, float (K,); is there a cut behind which they are higher on average?"""
        for value in np.clip(values, 0.0, 1.0).tolist():
            self._insert(value)
        risen = False
        while (higher := self._cut()) is not None:
            risen |= higher
        return risen

    def _insert(self, value: float) -> None:
        self.sizes.append(1)
        self.totals.append(value)
        self.spreads.append(0.0)
        size, end = 1, len(self.sizes)
        while True:  # too many buckets of a size: the two oldest become one
            start = end
            while start and self.sizes[start - 1] == size:
                start -= 1
            if end - start <= BUCKETS:
                return
            between = (self.totals[start] - self.totals[start + 1]) / size
            self.spreads[start] += self.spreads.pop(start + 1) + between * between * size / 2
            self.totals[start] += self.totals.pop(start + 1)
            self.sizes[start] += self.sizes.pop(start + 1)
            size, end = 2 * size, start + 1

    def _cut(self) -> bool | None:
        """Drop what is before a cut, and say whether what is behind it is higher; None where there is none."""
        sizes, totals = np.array(self.sizes, float), np.array(self.totals)
        count, total = sizes.sum(), totals.sum()
        if count < 2 * FEWEST:
            return None
        means = totals / sizes
        variance = (np.sum(self.spreads) + np.sum(sizes * np.square(means - total / count))) / count
        older, before = np.cumsum(sizes)[:-1], np.cumsum(totals)[:-1]
        apart = (total - before) / (count - older) - before / older
        # Of the theorem: m is the harmonic mean of both sides' counts, and a window is tried in so many places.
        m = 1.0 / (1.0 / older + 1.0 / (count - older))
        log = math.log(2.0 * math.log(count) / DELTA)
        limit = np.sqrt(2.0 / m * variance * log) + 2.0 / (3.0 * m) * log
        found = np.flatnonzero((np.abs(apart) > limit) & (older >= FEWEST) & (count - older >= FEWEST))
        if not len(found):
            return None
        place = int(found[np.argmax(np.abs(apart[found]) / limit[found])])
        for held in (self.sizes, self.totals, self.spreads):
            del held[: place + 1]
        return bool(apart[place] > 0)


@dataclass
class Drift:
    """Watches the loss of records that were not learnt yet, and how far they are from those of the past."""

    loss: Adwin = field(default_factory=Adwin)
    embedding: Adwin = field(default_factory=Adwin)

    def add(self, losses: np.ndarray | None, places: np.ndarray | None) -> list[str]:
        """Take some records; what has become larger with them than it was.

        Args:
            losses: float (K,), of those whose label is known; None where none is.
            places: float (B,), as `places_among` gives them; None where that was not asked.
        """
        changed = []
        if losses is not None and self.loss.add(losses / (1.0 + losses)):
            changed.append("loss")
        if places is not None and self.embedding.add(places):
            changed.append("embedding")
        return changed

    def to_json(self) -> dict[str, Buckets]:
        """Plain data, exactly."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Buckets]) -> Drift:
        """What `to_json` has made."""
        return cls(**{name: Adwin(**each) for name, each in facts.items()})


def places_among(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """Of each new embedding the share of old ones that lie nearer to the old ones' mean than it does, float (B,).

    About half, where nothing has changed, whatever the weights and the scale: training moves all, and is no change
    of the records.

    Args:
        new, old: float (B, D) and (N, D), of the same weights.
    """
    new, old = new.astype(np.float64), old.astype(np.float64)
    count, mean = len(old), old.mean(axis=0)
    scale = old.var(axis=0) + 1e-9
    others = (count * mean - old) / (count - 1)  # an old one is nearer to a mean that it is part of
    apart = np.mean(np.square(old - others) / scale, axis=1)
    found = np.mean(np.square(new - mean) / scale, axis=1)
    return np.asarray((apart[None] < found[:, None]).mean(axis=1) + (apart[None] == found[:, None]).mean(axis=1) / 2)
