"""The pieces of a table that is read again each time that it is gone through, or from where a record is asked for."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence, Sized
from typing import Generic, TypeVar

from tqdm import tqdm

from mmzoo.errors import MMZooError

Content = TypeVar("Content", bound=Sized)

KEPT = 3
"""Pieces that are held: records that are asked for in order may be of two, if several threads ask."""


class Piece(Generic[Content]):
    """Some records, and what was made of their columns already.

    Args:
        content: the records, as the table gives them.
        start: the number of the first.
    """

    def __init__(self, content: Content, start: int) -> None:
        self.content, self.start, self.end = content, start, start + len(content)
        self.made: dict[tuple[str, str], Sequence[object]] = {}


class Pieces(Generic[Content]):
    """The pieces of a table, of which a few are held.

    Args:
        begun: all pieces from the one of a number on.
    """

    def __init__(self, begun: Callable[[int], Iterator[Content]]) -> None:
        self.begun = begun
        self.starts: list[int] = []
        """The first record of each piece, as far as they are known."""
        self.held: OrderedDict[int, Piece[Content]] = OrderedDict()
        self.lock = threading.RLock()
        self.following, self.next = begun(0), 0
        self.now: Piece[Content] | None = None

    def all(self) -> Iterator[Piece[Content]]:
        """All of them, from the beginning, with a bar."""
        start = 0
        with tqdm(desc="reading records", unit="record", disable=None, leave=False, delay=2.0) as bar:
            for number, content in enumerate(self.begun(0)):
                if number == len(self.starts):
                    self.starts.append(start)
                yield Piece(content, start)
                start += len(content)
                bar.update(len(content))

    def of(self, row: int) -> Piece[Content]:
        """The one that has a record.

        Raises:
            MMZooError: the table has become shorter.
        """
        now = self.now
        if now is not None and now.start <= row < now.end:
            return now
        with self.lock:
            number = bisect_right(self.starts, row) - 1
            if number not in self.held:
                if number != self.next:
                    self.following, self.next = self.begun(number), number
                content = next(self.following, None)
                if content is None or (number + 1 < len(self.starts) and len(content) != self._length(number)):
                    raise MMZooError("The table was changed while it was read; give the same command again.")
                self.held[number] = Piece(content, self.starts[number])
                self.next += 1
                if len(self.held) > KEPT:
                    self.held.popitem(last=False)
            self.now = found = self.held[number]
            return found

    def _length(self, number: int) -> int:
        return self.starts[number + 1] - self.starts[number]
