"""Work on many values at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import TypeVar

from tqdm import tqdm

A = TypeVar("A")
B = TypeVar("B")


def in_threads(work: Callable[[A], B], values: Sequence[A], what: str) -> list[B]:
    """`work` of each value, in order, on all cores: decoders let go of Python's lock."""
    bar = tqdm(total=len(values), desc=what, unit="value", disable=None, leave=False, delay=1.0)
    found = []
    with ThreadPoolExecutor(cpu_count()) as pool, bar as shown:
        try:
            for result in pool.map(work, values, chunksize=1):
                found.append(result)
                shown.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return found
