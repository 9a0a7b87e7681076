"""Stopping without losing anything."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


_noted: set[int] = set()


class Interrupted(KeyboardInterrupt):
    """Training was asked to stop; its state is saved. The message says how to go on.

    code: what a program should exit with: 130 after Ctrl-C, 42 after SIGTERM, by which a cluster takes a machine back.
    """

    def __init__(self, message: str, number: int = signal.SIGINT) -> None:
        super().__init__(message)
        self.code = 42 if number == signal.SIGTERM else 130


@contextmanager
def stop_requests(*numbers: int) -> Iterator[list[int]]:
    """Inside, Ctrl-C and SIGTERM are noted in the list that is yielded; a second one ends the program at once.

    Args:
        numbers: these signals only. What is noted by others that this is called within is theirs alone: whoever tries
            several trainings decides what Ctrl-C ends.
    """
    asked: list[int] = []
    chosen = [number for number in numbers or (signal.SIGINT, signal.SIGTERM) if number not in _noted]

    def note(number: int, frame: FrameType | None) -> None:
        if asked:
            signal.default_int_handler(number, frame)
        asked.append(number)
        print("\nStopping after this step ...", file=sys.stderr)

    try:
        before = {number: signal.signal(number, note) for number in chosen}
    except ValueError:  # not the main thread: whoever runs it there handles signals
        before = {}
    _noted.update(before)
    try:
        yield asked
    finally:
        _noted.difference_update(before)
        for number, handler in before.items():
            signal.signal(number, handler)
