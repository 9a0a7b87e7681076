"""Answers to records that come one after another and may never end: in order, each soon, in little memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from mmzoo.aliases import Raw
from mmzoo.answers.given import tell_misspelt
from mmzoo.answers.pieces import rows_at_a_time
from mmzoo.answers.rows.answered import Answerer, Row
from mmzoo.answers.waiting import Waiting
from mmzoo.data.rereading import Reread
from mmzoo.errors import DataError, check_number

LATENCY = 0.05
"""Seconds that a record waits for others."""
MOST = 128
"""Records that are computed together."""
SHAPES = 100
"""Different sets of names that are looked at: a producer has few, and whoever makes them up has no end."""

Placed = tuple[str, Mapping[str, object] | DataError]
"""Where a record stands ("line 7"), and its cells, or what is wrong with it."""


def placed(records: Iterable[Raw]) -> Iterator[Placed]:
    """Records of Python with their numbers; what is no mapping cannot be used."""
    for number, record in enumerate(records):
        fault = DataError(f"A record is a mapping, not {type(record).__name__}.", "bad_record")
        yield f"row {number}", record if isinstance(record, Mapping) else fault


def answered(
    answerer: Answerer, reread: Reread, records: Iterable[Placed], *, latency: float = LATENCY, most: int = MOST
) -> Iterator[Row]:
    """A row for each record, in order, as `Answerer` makes it; of one that cannot be used `id` and `error` alone.

    The records are read in a thread of their own, while others are computed: no more than three times `most` before
    they are answered.

    Args:
        answerer: with "skip" or "mask" for records that cannot be used.
        latency: seconds that a record waits for others, with which it is computed.
        most: so many are computed together at most, fewer where they are large.

    Raises:
        MMZooError: an answer is not a finite number.
        Exception: what `records` raises, behind the answers to those before.
    """
    check_number("The latency of a stream, in seconds,", latency, 0, 3600)
    check_number("The records of a stream that are computed together", most, 1, 65_536, whole=True)
    most = min(most, rows_at_a_time(answerer.spec))
    waiting: Waiting[Placed | BaseException] = Waiting(most)
    closed = threading.Event()

    def read() -> None:
        try:
            for placed in records:
                waiting.put(placed)
                if closed.is_set():
                    return
        except BaseException as error:  # the other thread's to raise
            waiting.put(error)
        waiting.put(None)

    shapes: set[tuple[str, ...]] = set()
    thread = threading.Thread(target=read, name="mmzoo stream", daemon=True)  # nobody can wake it while it reads
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        thread.start()
        try:
            while found := waiting.together(most, latency):
                failure = found.pop() if isinstance(found[-1], BaseException) else None
                rows = [each[1] for each in found if isinstance(each, tuple)]
                places = [each[0] for each in found if isinstance(each, tuple)]
                for row in rows:
                    names = tuple(map(str, row)) if isinstance(row, Mapping) else ()
                    if names not in shapes and len(shapes) < SHAPES:
                        shapes.add(names)
                        tell_misspelt([*names], reread.layout)
                if rows:
                    yield from answerer.rows(reread.piece(rows, places, "The stream"), pool)[0]
                if isinstance(failure, BaseException):
                    raise failure
        finally:
            closed.set()
            waiting.close()
