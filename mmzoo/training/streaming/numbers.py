"""Mean and deviation of every column of numbers, running, so that an alarm can say which of them has moved.

Welford 1962, "Note on a method for calculating corrected sums of squares and products"; several at once after Chan,
Golub & LeVeque 1983.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TypedDict

import numpy as np

from mmzoo.errors import MMZooError
from mmzoo.modalities.base import Modality

MOVED = 1.0
"""Deviations by which the mean of a column has moved, if it is named."""
FEWEST = 10
"""Numbers of a column that a mean is of, at least."""


class Moments(TypedDict):
    """A `Running` as plain data."""

    counts: list[int]
    means: list[float]
    squares: list[float]


@dataclass
class Running:
    """Of each column how many numbers there were, their mean, and the sum of their squared distances from it."""

    counts: list[int] = field(default_factory=list)
    means: list[float] = field(default_factory=list)
    squares: list[float] = field(default_factory=list)

    def add(self, values: Sequence[np.ndarray]) -> None:
        """Take numbers of each column, float (any,) each; what is not finite is left out."""
        if not self.counts:
            self.counts, self.means, self.squares = [0] * len(values), [0.0] * len(values), [0.0] * len(values)
        for place, column in enumerate(values):
            found = column[np.isfinite(column)].astype(np.float64)
            if not len(found):
                continue
            before, total = self.counts[place], self.counts[place] + len(found)
            mean = float(found.mean())
            apart = mean - self.means[place]
            self.squares[place] += float(np.square(found - mean).sum()) + apart * apart * before * len(found) / total
            self.means[place] += apart * len(found) / total
            self.counts[place] = total

    def deviation(self, place: int) -> float:
        """That of a column."""
        return float(np.sqrt(self.squares[place] / max(self.counts[place] - 1, 1)))


@dataclass
class Numbers:
    """The numbers of a stream: of all before, and of the records since the last row of the history."""

    every: Running = field(default_factory=Running)
    recent: Running = field(default_factory=Running)

    def add(self, items: Sequence[Modality], inputs: Mapping[str, np.ndarray]) -> None:
        """Take decoded records."""
        self.recent.add([values for _, values in columns_of(items, inputs)])

    def settle(self) -> None:
        """What is recent is old from here on."""
        for place, count in enumerate(self.recent.counts):
            self._merge(place, count)
        self.recent = Running()

    def _merge(self, place: int, count: int) -> None:
        every, recent = self.every, self.recent
        if not every.counts:
            every.add([np.zeros(0)] * len(recent.counts))
        total = every.counts[place] + count
        if not count:
            return
        apart = recent.means[place] - every.means[place]
        every.squares[place] += recent.squares[place] + apart * apart * every.counts[place] * count / total
        every.means[place] += apart * count / total
        every.counts[place] = total

    def moved(self, names: Sequence[str]) -> list[str]:
        """The columns whose recent mean is unlike that of all before, the one that has moved most first, in words."""
        found = []
        for place, (before, now) in enumerate(zip(self.every.counts, self.recent.counts, strict=False)):
            if min(before, now) >= FEWEST:
                old, new = self.every.means[place], self.recent.means[place]
                far = abs(new - old) / max(self.every.deviation(place), 1e-12)
                if far >= MOVED:
                    found.append((far, f"'{names[place]}' {new:.4g} on average, before {old:.4g}"))
        return [said for _, said in sorted(found, reverse=True)]

    def to_json(self) -> dict[str, Moments]:
        """Plain data, exactly."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Moments]) -> Numbers:
        """What `to_json` has made."""
        return cls(**{name: Running(**each) for name, each in facts.items()})


def columns_of(items: Sequence[Modality], inputs: Mapping[str, np.ndarray]) -> list[tuple[str, np.ndarray]]:
    """The columns of numbers and the channels of sensors among decoded inputs (B, ...): their names and numbers."""
    found = []
    for index, item in enumerate(items):
        if not item.gaps:
            continue
        try:
            made = item.rebuilding()
        except MMZooError:  # too large to be told cell by cell
            continue
        cells = inputs[item.name][inputs["present"][:, index]]
        cells = cells.reshape(len(cells), made.cells)
        for group in range(int(made.groups.max(initial=-1)) + 1):
            own = np.flatnonzero(made.groups == group)
            if int(own[0]) in made.sizes:
                continue
            name = made.names[own[0]] if len(own) == 1 else f"{item.name}, channel {group + 1}"
            found.append((name, cells[:, own].ravel()))
    return found
