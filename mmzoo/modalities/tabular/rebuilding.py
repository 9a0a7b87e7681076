"""Rows of tables, rebuilt cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.modalities.rebuilding import Rebuilding, hidden_parts, perceived
from mmzoo.modalities.shown import Shown
from mmzoo.modalities.tabular.clock import TIME

if TYPE_CHECKING:
    from mmzoo.modalities.tabular import Tabular

UNKNOWN = "(another)"  # a value that is not in the vocabulary


class Cells(Rebuilding):
    """The cells of a row: numbers, dates in days and the flags of multi-categories as numbers, categories as values."""

    measures: ClassVar[str] = "accuracy"

    def __init__(self, item: Tabular) -> None:
        self.item, self.first = item, len(item.numbers)
        # A place of a category is 0 where it is missing, which is no value.
        sizes = {self.first + k: size - 1 for k, size in enumerate(item.sizes)}
        super().__init__(item.shape, np.arange(*item.shape), sizes)

    @property
    def names(self) -> tuple[str, ...]:
        flags = [
            f"{column}: {word}"
            for column, known in zip(self.item.multi_categories, self._words, strict=True)
            for word in (UNKNOWN, *known)
        ]
        return (*self.item.numbers, *self.item.categories, *self.item.dates, *flags)

    @property
    def columns(self) -> tuple[str, ...]:
        return self.item.columns

    @property
    def _words(self) -> Sequence[Sequence[str]]:
        """What each column of multi-categories can hold."""
        return self.item.vocabularies[len(self.item.categories) :]

    def values(self, cell: int) -> tuple[str, ...]:
        return (UNKNOWN, *self.item.vocabularies[cell - self.first])

    def target(self, value: Raw) -> np.ndarray:
        found = self.item.decode(value)
        places = found[self.first : self.first + len(self.sizes)]
        found[self.first : self.first + len(self.sizes)] = np.where(places > 0, places - 1, np.nan)
        return found

    def target_of(self, batch: Tensor) -> Tensor:
        import tensorflow as tf

        place = np.isin(np.arange(self.cells), [*self.sizes])
        return tf.where(place, tf.where(batch > 0, batch - 1.0, np.float32(np.nan)), batch)

    def layers(self, embedding: Tensor, units: int, name: str) -> Tensor:
        return perceived(embedding, units, name)

    def hide(self, batch: Tensor, keys: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """Whole columns are as if their cells were empty."""
        import tensorflow as tf

        hidden = tf.gather(hidden_parts(keys, len(self.item.columns), share), self.item.owners, axis=1)
        return tf.where(hidden, self.item.absent, batch), hidden

    def readable(self, cells: np.ndarray) -> dict[str, object]:
        """What each column holds, by its name: a number, a category, a date or the words that are likelier than not."""
        found: dict[str, object] = {}
        for place, column in enumerate(self.item.columns):
            own = cells[self.item.owners == place]
            if column in self.item.multi_categories:
                words = (UNKNOWN, *self._words[self.item.multi_categories.index(column)])
                there = [word for word, flag in zip(words, own, strict=True) if flag > 0.5]
                found[column] = None if np.isnan(own).any() else there
            elif np.isnan(own[0]):
                found[column] = None
            elif place in self.sizes:
                found[column] = self.values(place)[int(own[0])]
            elif column in self.item.dates:
                moment = str(np.datetime64("2000-01-01T00:00") + np.timedelta64(round(own[0] * 1440), "m"))
                found[column] = moment[-5:] if self.item.cell_forms[column] == TIME else moment
            else:
                found[column] = float(own[0])
        return found

    def shown(self, cells: np.ndarray) -> Shown:
        said = [(column, cell) for column, cell in self.readable(cells).items() if cell is not None]
        return Shown(", ".join(f"{column} {plain(cell)}" for column, cell in said))


def plain(cell: object) -> str:
    """A cell in a few characters."""
    if isinstance(cell, list):
        return " and ".join(cell) or "nothing"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
