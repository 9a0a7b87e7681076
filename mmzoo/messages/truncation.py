"""Examples that are longer than a model reads: one line for all of a data set in place of one for each."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Truncations:
    """What was cut of the examples of one input; several threads may tell of it."""

    lengths: list[float] = field(default_factory=list)
    limit: float = 0.0
    most: float = math.inf
    unit: str = ""
    setting: str = ""


_lock = threading.Lock()
_jobs: list[set[tuple[str, float]]] = []  # inputs and lengths of which was said, for each job within another
_open: dict[str, list[Truncations]] = {}  # several batches of an input may be decoded at once


def note_truncation(name: str, length: float, limit: float, unit: str, setting: str, most: float = math.inf) -> None:
    """An example of input `name` has `length` of a unit, and the model reads `limit` of them.

    Said at once, unless somebody `count_truncations` of that input.

    Args:
        unit: "tokens", "bytes", "seconds".
        setting: the field of the input that says how much is read.
        most: what it can be.
    """
    with _lock:
        if name in _open:
            found = _open[name][-1]
            found.lengths.append(length)
            found.limit, found.unit, found.setting, found.most = limit, unit, setting, most
            return
    logging.getLogger("mmzoo").info("Input '%s' has %g %s; the model reads the first %g.", name, length, unit, limit)


@contextmanager
def said_once() -> Iterator[None]:
    """Inside, that examples of an input are cut is said once, whoever decodes them and however often."""
    _jobs.append(_jobs[-1] if _jobs else set())
    try:
        yield
    finally:
        _jobs.pop()


@contextmanager
def count_truncations(name: str, kind: str, count: int, *, told: bool = False) -> Iterator[Truncations]:
    """Inside, cuts of input `name` are counted, and said in one line in the end.

    Args:
        kind: of the input, "text", "audio".
        count: how many examples are decoded inside.
        told: was it said before? Then it is not said again.
    """
    found = Truncations()
    with _lock:
        _open.setdefault(name, []).append(found)
    try:
        yield found
    finally:
        with _lock:
            _open[name] = [each for each in _open[name] if each is not found]
            if not _open[name]:
                del _open[name]
    key = name, found.limit
    if found.lengths and _jobs:
        told = told or key in _jobs[-1]
        _jobs[-1].add(key)
    if found.lengths and not told:
        longest = max(found.lengths)
        wanted = min(longest, found.most)
        more = "all" if wanted == longest else "more"
        remedy = f" (a model that is trained with --set {name}.{found.setting}={wanted:g} reads {more} of it)"
        logging.getLogger("mmzoo").warning(
            "%s of %s examples of %s '%s' are longer than %g %s and are cut; the longest has %g%s.",
            f"{len(found.lengths):,}",
            f"{count:,}",
            kind,
            name,
            found.limit,
            found.unit,
            longest,
            remedy if wanted > found.limit else "",
        )
