"""What waits to be answered: what has come at about the same time is computed together."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Waiting(Generic[T]):
    """A queue with an end, of so much room, that is emptied some at a time.

    Args:
        room: how many may wait; whoever adds one more waits himself, or is turned away.
    """

    def __init__(self, room: int) -> None:
        self.queue: queue.Queue[tuple[float, T | None]] = queue.Queue(room)
        self.ended = False

    def put(self, item: T | None, *, block: bool = True) -> None:
        """Add one, or None for the end.

        Raises:
            queue.Full: there is no room, and `block` is false.
        """
        self.queue.put((time.monotonic(), item), block)

    def together(self, most: int, wait: float, size: Callable[[T], int] = lambda _: 1) -> list[T]:
        """The next ones in order: those that are there, and those that come within `wait` seconds of the first.

        An empty list is the end.

        Args:
            most: no further one is taken once they are so large together.
            size: how large one is.
        """
        found: list[T] = []
        total, end = 0, float("inf")
        while total < most and not self.ended:
            try:
                came, item = self.queue.get(timeout=max(end - time.monotonic(), 0.0) if found else None)
            except queue.Empty:
                break
            if item is None:
                self.ended = True
                break
            found.append(item)
            total += size(item)
            end = min(end, came + wait)
        return found

    def close(self) -> None:
        """Drop what waits, so that who waits for room goes on."""
        while True:
            try:
                self.queue.get_nowait()
            except queue.Empty:
                return
