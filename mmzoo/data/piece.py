"""The pieces of a table that is read again each time that it is gone through, or from where a record is asked for."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

from tqdm import tqdm

from mmzoo.data.cells import Cells
from mmzoo.errors import MMZooError

KEPT = 3
"""Pieces that are held: records that are asked for in order may be of two, if several threads ask."""


class Piece:
    """Some records, and what was made of their columns already.

    Args:
        start: the number of the first.
    """

    def __init__(self, cells: Cells, start: int) -> None:
        self.cells, self.start, self.end = cells, start, start + len(cells.places)
        self.made: dict[tuple[str, str], Sequence[object]] = {}


class Pieces:
    """The pieces of a table, of which a few are held.

    Args:
        begun: all pieces from the one of a number on.
    """

    def __init__(self, begun: Callable[[int], Iterator[Cells]]) -> None:
        self.begun = begun
        self.starts: list[int] = []
        """The first record of each piece, as far as they are known."""
        self.held: OrderedDict[int, Piece] = OrderedDict()
        self.lock = threading.RLock()
        self.following, self.next = begun(0), 0
        self.now = Piece(Cells("", {}, []), 0)

    def all(self) -> Iterator[Piece]:
        """All of them, from the beginning, with a bar."""
        start = 0
        with tqdm(desc="reading records", unit="record", disable=None, leave=False, delay=2.0) as bar:
            for number, cells in enumerate(self.begun(0)):
                if number == len(self.starts):
                    self.starts.append(start)
                yield Piece(cells, start)
                start += len(cells.places)
                bar.update(len(cells.places))

    def of(self, row: int) -> Piece:
        """The one that has a record.

        Raises:
            MMZooError: the table has become shorter.
        """
        now = self.now
        if now.start <= row < now.end:
            return now
        with self.lock:
            number = bisect_right(self.starts, row) - 1
            if number not in self.held:
                if number != self.next:
                    self.following, self.next = self.begun(number), number
                cells = next(self.following, None)
                if cells is None or (number + 1 < len(self.starts) and len(cells.places) != self._length(number)):
                    raise MMZooError("The table was changed while it was read; give the same command again.")
                self.held[number] = Piece(cells, self.starts[number])
                self.next += 1
                if len(self.held) > KEPT:
                    self.held.popitem(last=False)
            self.now = self.held[number]
            return self.now

    def _length(self, number: int) -> int:
        return self.starts[number + 1] - self.starts[number]
