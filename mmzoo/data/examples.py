"""Decoded examples that need not be in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmzoo.data.columns import given
from mmzoo.data.threads import in_threads
from mmzoo.errors import DataError, MMZooError
from mmzoo.modalities import Modality


class Examples:
    """The examples of one input: an array (N, *shape) whose rows are decoded whenever they are asked for.

    A value of None is zeros.

    Raises:
        DataError: on access; a value cannot be decoded; names the record.
    """

    def __init__(self, item: Modality, values: Sequence[Any], ids: Sequence[str]) -> None:
        self.item, self.values, self.ids = item, values, ids
        self.there = given(values)
        self.shape = (len(values), *item.shape)
        self.dtype = np.dtype(item.dtype)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def nbytes(self) -> int:
        """What all of them would take in memory."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        chosen = np.arange(len(self))[rows]
        out = np.zeros((len(chosen), *self.item.shape), self.dtype)
        for place, row in enumerate(chosen):
            if self.there[row]:
                self._fill(out, place, row)
        return out

    def whole(self) -> np.ndarray:
        """All of them, decoded on all cores, with a bar."""
        out = np.zeros(self.shape, self.dtype)
        in_threads(
            lambda row: self._fill(out, row, row), np.flatnonzero(self.there).tolist(), f"reading {self.item.name}"
        )
        return out

    def _fill(self, out: np.ndarray, place: int, row: int) -> None:
        try:
            out[place] = self.item.decode(self.values[row])
        except MMZooError as error:
            cause = error.cause if isinstance(error, DataError) else "other"
            raise DataError(f"Record '{self.ids[row]}': {error}", cause) from error
