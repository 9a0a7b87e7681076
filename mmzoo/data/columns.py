"""Columns whose values are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np


class Column(Sequence[Any]):
    """A column of records that are not in memory.

    Args:
        read: the value of a record by its number there.
        rows: the numbers of this column's records, in order.
        there: bool (N,), which of them have a value.
    """

    def __init__(self, read: Callable[[int], Any], rows: np.ndarray, there: np.ndarray) -> None:
        self.read, self.rows, self.there = read, rows, there

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Any: ...

    @overload
    def __getitem__(self, place: slice) -> list[Any]: ...

    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return [self[k] for k in range(*place.indices(len(self)))]
        return self.read(int(self.rows[place])) if self.there[place] else None

    def select(self, places: Sequence[int]) -> Column:
        """The column of the records at `places`, none of them read."""
        chosen = np.asarray(places, np.int64)
        return Column(self.read, self.rows[chosen], self.there[chosen])


def given(column: Sequence[Any]) -> np.ndarray:
    """Which records have a value, bool (N,); nothing is read for it."""
    return column.there if isinstance(column, Column) else np.array([value is not None for value in column], bool)


def sample(column: Sequence[Any], count: int) -> list[Any]:
    """`count` of the values that are given, or all, spread over the column: its beginning is often of one class."""
    rows = np.flatnonzero(given(column))
    chosen = np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)
    return [column[int(row)] for row in rows[chosen]]
