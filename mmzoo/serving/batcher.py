"""Requests that come at the same time are computed together, by one thread: a model is asked once at a time."""

from __future__ import annotations

import os
import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from mmzoo.aliases import Raw
from mmzoo.answers.rows.answered import Answerer, Row
from mmzoo.answers.waiting import Waiting
from mmzoo.data.records import Records
from mmzoo.data.rereading import Piece

MOST = 64
"""Records that are computed together."""
WAIT = 0.002
"""Seconds that the first of them waits for others."""
WAITING = 256
"""Requests that may wait; one more is turned away."""

Job = tuple[list[dict[str, Raw]], "Future[list[Row]]"]


class FullError(Exception):
    """There are too many requests already."""


class Batcher:
    """Answers records, in a thread of its own, until it is closed.

    Args:
        answerer: with "skip" for records that cannot be used: what is wrong with one is in its row.
    """

    def __init__(self, answerer: Answerer) -> None:
        self.answerer = answerer
        self.jobs: Waiting[Job] = Waiting(WAITING)
        self.pool = ThreadPoolExecutor(os.cpu_count())
        self.thread = threading.Thread(target=self._work, name="mmzoo serve", daemon=True)
        self.thread.start()

    def submit(self, records: list[dict[str, Raw]]) -> Future[list[Row]]:
        """A row for each of some records, when it is there.

        Raises:
            FullError: too many requests wait.
        """
        found: Future[list[Row]] = Future()
        try:
            self.jobs.put((records, found), block=False)
        except queue.Full:
            raise FullError from None
        return found

    def close(self) -> None:
        """Answer what waits, and end."""
        self.jobs.put(None)
        self.thread.join()
        self.pool.shutdown()

    def _work(self) -> None:
        while jobs := self.jobs.together(MOST, WAIT, lambda job: len(job[0])):
            # Who does not wait any more is not answered.
            jobs = [job for job in jobs if job[1].set_running_or_notify_cancel()]
            if jobs:
                self._answer(jobs)

    def _answer(self, jobs: list[Job]) -> None:
        records = [record for each, _ in jobs for record in each]
        columns = {name: [record.get(name) for record in records] for name in self.answerer.spec.input_names}
        try:
            rows, _ = self.answerer.rows(Piece(Records(columns), {}, []), self.pool)
        except BaseException as error:
            for _, found in jobs:
                found.set_exception(error)
            return
        start = 0
        for each, found in jobs:
            found.set_result(rows[start : start + len(each)])
            start += len(each)
