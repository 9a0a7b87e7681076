"""Examples that are longer than a model reads: one line for all of a data set in place of one for each."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Truncations:
    """What was cut of the examples of one input; several threads may tell of it."""

    lengths: list[float] = field(default_factory=list)
    limit: float = 0.0
    unit: str = ""
    setting: str = ""


_lock = threading.Lock()
_open: dict[str, Truncations] = {}


def note_truncation(name: str, length: float, limit: float, unit: str, setting: str) -> None:
    """An example of input `name` has `length` of a unit, and the model reads `limit` of them.

    Said at once, unless somebody `count_truncations` of that input.

    Args:
        unit: "tokens", "bytes", "seconds".
        setting: the field of the input that says how much is read.
    """
    with _lock:
        if name in _open:
            found = _open[name]
            found.lengths.append(length)
            found.limit, found.unit, found.setting = limit, unit, setting
            return
    logging.getLogger("mmzoo").info("Input '%s' has %g %s; the model reads the first %g.", name, length, unit, limit)


@contextmanager
def count_truncations(name: str, kind: str, count: int) -> Iterator[None]:
    """Inside, cuts of input `name` are counted, and said in one line in the end.

    Args:
        kind: of the input, "text", "audio".
        count: how many examples are decoded inside.
    """
    with _lock:
        _open[name] = Truncations()
    try:
        yield
    finally:
        with _lock:
            found = _open.pop(name)
    if found.lengths:
        longest = max(found.lengths)
        logging.getLogger("mmzoo").warning(
            "%s of %s examples of %s '%s' are longer than %g %s and are cut; the longest has %g "
            "(--set %s.%s=%g reads all of it).",
            f"{len(found.lengths):,}",
            f"{count:,}",
            kind,
            name,
            found.limit,
            found.unit,
            longest,
            name,
            found.setting,
            longest,
        )
