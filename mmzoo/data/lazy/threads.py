"""Work on many values at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import TypeVar

from tqdm import tqdm

TOGETHER = 4096
"""Values that wait for a thread: each of these takes a kilobyte."""

A = TypeVar("A")
B = TypeVar("B")


def in_threads(work: Callable[[A], B], values: Sequence[A], what: str) -> list[B]:
    """`work` of each value, in order, on all cores: decoders let go of Python's lock."""
    bar = tqdm(total=len(values), desc=what, unit="value", disable=None, leave=False, delay=1.0)
    found = []
    with ThreadPoolExecutor(cpu_count()) as pool, bar as shown:
        try:
            for start in range(0, len(values), TOGETHER):
                for result in pool.map(work, values[start : start + TOGETHER]):
                    found.append(result)
                    shown.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return found
