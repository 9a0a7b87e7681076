"""Stopping without losing anything."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


class Interrupted(KeyboardInterrupt):
    """Training was asked to stop; its state is saved. The message says how to go on.

    code: what a program should exit with: 130 after Ctrl-C, 42 after SIGTERM, by which a cluster takes a machine back.
    """

    def __init__(self, message: str, number: int = signal.SIGINT) -> None:
        super().__init__(message)
        self.code = 42 if number == signal.SIGTERM else 130


@contextmanager
def stop_requests() -> Iterator[list[int]]:
    """Inside, Ctrl-C and SIGTERM are noted in the list that is yielded; a second one ends the program at once."""
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if asked:
            signal.default_int_handler(number, frame)
        asked.append(number)
        print("\nStopping after this step ...", file=sys.stderr)

    try:
        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: whoever runs it there handles signals
        before = {}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
