"""Columns whose values are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, overload

import numpy as np

T = TypeVar("T")


class Column(Sequence[T]):
    """A column of records that are not in memory.

    Args:
        read: the value of a record by its number there.
        rows: the numbers of this column's records, in order.
        there: bool (N,), which of them have a value.
    """

    def __init__(self, read: Callable[[int], T], rows: np.ndarray, there: np.ndarray) -> None:
        self.read, self.rows, self.there = read, rows, there

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> T: ...

    @overload
    def __getitem__(self, place: slice) -> list[T]: ...

    def __getitem__(self, place: int | slice) -> T | list[T]:
        if isinstance(place, slice):
            return [self[k] for k in range(*place.indices(len(self)))]
        # Only a column whose values may be None has places where there is none.
        return self.read(int(self.rows[place])) if self.there[place] else None  # type: ignore[return-value]

    def select(self, places: Sequence[int] | np.ndarray, chosen: dict[int, np.ndarray] | None = None) -> Column[T]:
        """The column of the records at `places`, none of them read.

        Args:
            chosen: of other columns of the same table; what they have in common is kept once.
        """
        places, chosen = np.asarray(places, np.int64), {} if chosen is None else chosen
        for array in (self.rows, self.there):
            if id(array) not in chosen:
                chosen[id(array)] = array[places]
        return type(self)(self.read, chosen[id(self.rows)], chosen[id(self.there)])


class TableColumn(Column[T]):
    """One of a table that is read anew: its cells cost little to be read, and nobody has looked at them yet."""


class Chosen:
    """The records at some places, of any column; of those that are not in memory none is read."""

    def __init__(self, places: Sequence[int] | np.ndarray) -> None:
        self.places = places
        self.arrays: dict[int, np.ndarray] = {}

    def of(self, column: Sequence[T]) -> Sequence[T]:
        """Those of one column."""
        if isinstance(column, Column):
            return column.select(self.places, self.arrays)
        places = self.places.tolist() if isinstance(self.places, np.ndarray) else self.places
        return [column[k] for k in places]


def mended(column: Sequence[T], values: Mapping[int, T]) -> Sequence[T]:
    """A column with other values at some places; None takes one away."""
    if not isinstance(column, Column):
        return [values.get(place, value) for place, value in enumerate(column)]
    others = {int(column.rows[place]): value for place, value in values.items()}
    there = column.there.copy()
    for place, value in values.items():
        there[place] = value is not None

    def read(row: int) -> T:
        return others[row] if row in others else column.read(row)

    return type(column)(read, column.rows, there)


def given(column: Sequence[object]) -> np.ndarray:
    """Which records have a value, bool (N,); nothing is read for it."""
    return column.there if isinstance(column, Column) else np.array([value is not None for value in column], bool)


def sample(column: Sequence[T], count: int) -> list[T]:
    """`count` of the values that are given, or all, spread over the column: its beginning is often of one class."""
    rows = np.flatnonzero(given(column))
    chosen = np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)
    return [column[int(row)] for row in rows[chosen]]
