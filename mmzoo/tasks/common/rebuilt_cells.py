"""What a model puts out of the cells of a rebuilt input, what that is worth, and what training makes small."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.aliases import Tensor
from mmzoo.errors import require

if TYPE_CHECKING:
    from mmzoo.modalities.rebuilding import Rebuilding

SURE = 100.0  # decibels that an answer without any error has
LEAST = 1e-6  # of a deviation


class RebuiltCells:
    """Cells (cells,) and a model's outputs of them (units,): of a number one, of a category one for each value.

    Args:
        rebuilding: what is rebuilt.
        means, deviations: of each group of cells; empty for numbers as they are.
    """

    def __init__(self, rebuilding: Rebuilding, means: Sequence[float], deviations: Sequence[float]) -> None:
        self.rebuilding = rebuilding
        known = max(rebuilding.groups.max(initial=0) + 1, 1)
        require(
            len(means) in (0, known), f"There are {len(means)} means of {known} channels or columns; leave them out."
        )
        groups = rebuilding.groups if means else np.zeros(rebuilding.cells, int)
        self.means = np.array(means or [0.0], np.float32)[groups]
        self.deviations = np.array(deviations or [1.0], np.float32)[groups]
        widths = [rebuilding.sizes.get(cell, 1) for cell in range(rebuilding.cells)]
        self.ends = np.cumsum(widths)
        self.widths = np.array(widths)
        self.numbers = np.array([cell for cell in range(rebuilding.cells) if cell not in rebuilding.sizes], int)
        self.spread = np.repeat(self.deviations, self.widths)

    @property
    def units(self) -> int:
        return int(self.ends[-1])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What each unit is called."""
        made = self.rebuilding
        return tuple(
            f"{name}: {value}" if cell in made.sizes else name
            for cell, name in enumerate(made.names)
            for value in (made.values(cell) if cell in made.sizes else ("",))
        )

    @cached_property
    def categories(self) -> list[tuple[int, slice]]:
        """The cells that hold one of several values, and their units."""
        return [(cell, slice(self.ends[cell] - size, self.ends[cell])) for cell, size in self.rebuilding.sizes.items()]

    def fitted(self, cells: np.ndarray) -> tuple[list[float], list[float]]:
        """The mean and the deviation of each group, of cells (N, cells); 0 and 1 of categories."""
        means, deviations = [], []
        chosen = {int(self.rebuilding.groups[cell]) for cell in self.rebuilding.sizes}
        for group in range(int(self.rebuilding.groups.max()) + 1):
            column = cells[:, self.rebuilding.groups == group].astype(np.float64)
            found = column[np.isfinite(column)]
            whole = not found.size or group in chosen
            means.append(0.0 if whole else float(found.mean()))
            deviations.append(1.0 if whole or found.std() < LEAST else float(found.std()))
        return means, deviations

    def loss(self, cells: Tensor, logits: Tensor) -> Tensor:
        """The mean (B,) over the cells that are known: the squared error in deviations, or the cross-entropy.

        Args:
            cells: (B, cells), NaN where nothing is known.
            logits: float32 (B, units).
        """
        from keras import ops

        cells = ops.cast(cells, "float32")
        known = cells == cells
        own = self.numbers
        lost = ops.zeros_like(logits[:, 0])
        if len(own):
            every = not self.rebuilding.sizes  # then nothing has to be gathered
            wanted = cells if every else ops.take(cells, own, axis=1)
            there = known if every else ops.take(known, own, axis=1)
            found = logits if every else ops.take(logits, self.ends[own] - 1, axis=1)
            off = ops.where(there, (wanted - self.means[own]) / self.deviations[own] - found, 0.0)
            lost = lost + ops.sum(ops.square(off), axis=1)
        for cell, units in self.categories:
            place = ops.cast(ops.where(known[:, cell], cells[:, cell], 0.0), "int32")
            right = ops.one_hot(place, units.stop - units.start)
            apart = -ops.sum(right * ops.log_softmax(logits[:, units]), axis=1)
            lost = lost + ops.where(known[:, cell], apart, 0.0)
        return lost / ops.maximum(ops.sum(ops.cast(known, "float32"), axis=1), 1.0)

    def predictions(self, logits: Tensor) -> Tensor:
        """Numbers in their own units, and probabilities of what categories hold, (B, units)."""
        from keras import ops

        low, high = self.rebuilding.limits

        def numbers(cells: slice, part: Tensor) -> Tensor:
            found = part * self.deviations[cells] + self.means[cells]
            return ops.clip(found, low, high) if np.isfinite(low) else found

        return self._each(logits, numbers, ops.softmax)

    def logits(self, predictions: Tensor) -> Tensor:
        """Logits that `predictions` turns into these."""
        from keras import ops

        return self._each(
            predictions,
            lambda cells, part: (part - self.means[cells]) / self.deviations[cells],
            lambda part: ops.log(part + 1e-12),
        )

    def _each(
        self, given: Tensor, numbers: Callable[[slice, Tensor], Tensor], category: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """The units (B, units) changed: those of numbers, stretch by stretch, and those of each category."""
        from keras import ops

        if not self.rebuilding.sizes:
            return numbers(slice(None), given)
        parts, start = [], 0
        for cell, units in [*self.categories, (self.rebuilding.cells, slice(self.units, self.units))]:  # in order
            if cell > start:
                parts.append(numbers(slice(start, cell), given[:, self.ends[start] - 1 : units.start]))
            if cell < self.rebuilding.cells:
                parts.append(category(given[:, units]))
            start = cell + 1
        return ops.concatenate(parts, axis=1)

    def likeliest(self, prediction: np.ndarray) -> np.ndarray:
        """What each cell holds by a prediction (units,), (cells,); of a category its likeliest place."""
        found = np.asarray(prediction[self.ends - 1], np.float32)
        for cell, units in self.categories:
            found[cell] = prediction[units].argmax()
        return found

    def probabilities(self, prediction: np.ndarray) -> np.ndarray:
        """How probable what a category holds is, (cells,); of a flag as which it is read; nothing of other numbers."""
        flag = np.clip(prediction[self.ends - 1], 0.0, 1.0)
        found = np.asarray(np.maximum(flag, 1.0 - flag), np.float32)
        for cell, units in self.categories:
            found[cell] = prediction[units].max()
        return found

    def right(self, cells: np.ndarray) -> np.ndarray:
        """Cells (N, cells) as predictions (N, units) that are right; NaN where nothing is known."""
        found = np.repeat(cells.astype(np.float32), self.widths, axis=1)
        for cell, units in self.categories:
            own = cells[:, cell : cell + 1]
            found[:, units] = np.where(np.isnan(own), np.nan, own == np.arange(units.stop - units.start))
        return found

    def errors(self, cells: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """The mean (N,) over the known cells of the squared error in deviations; of a category, of its Brier score."""
        squared = ((predictions - self.right(cells)) / self.spread) ** 2
        return np.asarray(np.nansum(squared, axis=1) / np.maximum(np.isfinite(cells).sum(axis=1), 1))

    def r2(self, cells: np.ndarray, predictions: np.ndarray) -> float:
        """1 minus the squared error of all cells together, in deviations, by that of the mean of these records."""
        right = self.right(cells)
        known = np.isfinite(right)
        means = np.where(known, right, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        lost = np.nansum(((predictions - right) / self.spread) ** 2)
        varied = np.nansum(((right - means) / self.spread) ** 2)
        return float(1.0 - lost / varied) if varied > 0 else 0.0

    def accuracy(self, cells: np.ndarray, predictions: np.ndarray) -> float | None:
        """The share of the categories' cells whose likeliest value is right; None where there are none."""
        hits = [
            predictions[:, units].argmax(axis=1)[there] == cells[there, cell]
            for cell, units in self.categories
            if (there := np.isfinite(cells[:, cell])).any()
        ]
        return float(np.concatenate(hits).mean()) if hits else None

    def decibels(self, cells: np.ndarray, predictions: np.ndarray) -> float:
        """By how much the signal is stronger than the error, the mean over the records, at most 100.

        The signal is the largest number that a cell may hold (peak signal-to-noise ratio), or without such a limit how
        far the cells are from their means.
        """
        right, high = self.right(cells), self.rebuilding.limits[1]
        scale, means = (1.0, 0.0) if np.isfinite(high) else (self.spread, np.repeat(self.means, self.widths))
        lost = np.nanmean(((predictions - right) / scale) ** 2, axis=1)
        strength = high**2 if np.isfinite(high) else np.nanmean(((right - means) / scale) ** 2, axis=1)
        ratio = 10 * np.log10(np.maximum(strength, 1e-12) / np.maximum(lost, 1e-12))
        return float(np.minimum(ratio, SURE).mean())
