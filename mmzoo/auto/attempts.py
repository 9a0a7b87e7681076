"""One candidate: whether there is time for it, its training, and what it is worth."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.auto.allowance import TAIL, Allowance
from mmzoo.auto.candidates import FITTED, Candidate, told_by
from mmzoo.auto.choosing import Answers, answers_of
from mmzoo.auto.tried import Trials, Tried
from mmzoo.auto.watch import TooSlowError, train_until
from mmzoo.data.lazy.columns import given
from mmzoo.data.records import Records
from mmzoo.data.sharing import seconds_making
from mmzoo.errors import DataError, MMZooError
from mmzoo.files import subfolder
from mmzoo.files.folders import check_no_link
from mmzoo.inference.metrics import primary
from mmzoo.messages.words import duration, one_line
from mmzoo.training.finished import load_finished
from mmzoo.training.run_folder.checkpoint import checkpoints
from mmzoo.training.run_folder.notes import read_history

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal

FIRST = 0.5  # of what is left, that the first candidate may take where there are others,
TIGHT = 0.25  # and where that is not enough for all of its epochs
FEWER = 0.6  # of the first one's epochs, with which another one is still worth beginning
PATIENT = 3.0  # times as long as was expected that a candidate may take, or the others would have no time
SURELY = 0.15  # of all the time, that the first one trains for behind its first step, however late that is
FITTING = 0.2  # of all the time, for a candidate that is fitted and has no epochs
BEGUN = 2.0  # epochs that must fit for the spec itself to be begun
NO_TIME = "not tried: it takes"
OVER = "; there was no time for more"


class Attempts:
    """Candidates that are trained, each within a share of the time.

    Args:
        folder: of the run that is to be.
        trials: what was tried before, which is added to.
        train, validation: records that can be used.
        stop: of `stop_requests`.
        gone: seconds that have gone by before.
        seed, data: of all runs.
        quality: "best" tries an ensemble too, and lets one learn from it.
        later: how many records will be evaluated in the end.
    """

    def __init__(
        self,
        folder: Path,
        trials: Trials,
        train: Records,
        validation: Records,
        stop: Sequence[int],
        *,
        gone: float,
        seed: int,
        data: str,
        quality: str,
        later: int,
    ) -> None:
        self.folder, self.trials, self.train, self.validation, self.stop = folder, trials, train, validation, stop
        self.seed, self.data, self.quality = seed, data, quality
        self.time = Allowance(trials.seconds, trials.spent + gone, later, learning=quality == "best")
        self.ended = {each.name: each for each in trials.candidates}
        trials.candidates.clear()
        self.found: dict[str, tuple[Candidate, Answers]] = {}
        self.failure: MMZooError | None = None
        self.leader = ""  # the spec itself

    def write(self) -> None:
        """Note how far it is."""
        self.trials.spent = self.time.gone
        self.trials.write(self.folder)

    def place(self, name: str) -> Path:
        """The folder of a candidate's run."""
        return check_no_link(subfolder(self.folder, "candidates") / name)

    def attempt(self, candidate: Candidate, *, alone: bool = False, reason: str = "") -> None:
        """Train a candidate, unless it has ended before, or there is a reason against it; note what comes of it.

        Args:
            alone: will there be no other?
        """
        tried = self.ended.get(candidate.name) or Tried(candidate.name, candidate.summary)
        self.trials.candidates = [each for each in self.trials.candidates if each.name != candidate.name] + [tried]
        if tried.score is not None:
            self.take(tried, candidate, load_finished(self.place(tried.name)))
            first, *others = [row["seconds"] or 0.0 for row in read_history(self.place(tried.name))] or [tried.seconds]
            self.measure(tried, candidate, sum(others) / len(others) if others else first)
        elif tried.epochs or not (self.found and reason):
            try:
                self.one(candidate, tried, alone=alone)
            except DataError:
                raise  # all candidates have the same records
            except MMZooError as error:
                self.failure = self.failure or error
                tried.note = one_line(error)
                print(f"{candidate.name} failed: {tried.note}")
        else:
            tried.note = reason
        self.write()

    def measure(
        self, tried: Tried, candidate: Candidate, an_epoch: float, *, once: float = 0.0, over: bool = False
    ) -> None:
        """See `Allowance.measure`. The first that has ended tells of the others, and better the spec itself.

        What is fitted and has no epochs tells nothing.
        """
        if self.trained == {candidate.name} or candidate.name == self.leader:
            self.time.measure(tried, candidate, an_epoch, once=once, over=over)

    @property
    def trained(self) -> set[str]:
        """Those that have ended, and have epochs."""
        return {*self.found} - {*FITTED}

    def like(self, candidate: Candidate) -> Tried | None:
        """What has become of the one whose epochs tell how many a candidate needs."""
        told = told_by(candidate.name, [each.name for each in self.trials.candidates if each.name in self.found])
        return next((each for each in self.trials.candidates if each.name == told), None)

    def reason_against(self, candidate: Candidate) -> str:
        """Why another candidate is not begun any more; "" if it is."""
        if self.stop:
            return "not tried: stopped before"
        empty = sum(self.lacking(candidate))
        if empty:
            have = f"{empty} records have" if empty > 1 else "1 record has"
            return f"not tried: {have} none of its inputs, which it could not answer"
        if candidate.name in FITTED and self.time.left > 0:
            return ""
        wanted = candidate.training.epochs
        if like := self.like(candidate):
            # What it did not need, because it gained nothing any more, the others are not expected to need.
            wanted = min(wanted, like.epochs, max(like.trained, 1))
        # The spec itself is what was asked for: it goes before training another one longer.
        back = 0.0 if candidate.training.init_from or candidate.name == self.leader else self.time.kept_back
        least = FEWER * wanted if candidate.name != self.leader else min(BEGUN, wanted)
        if self.time.epochs_in(self.time.left - back, candidate.cost) < least:
            needed = self.time.of_epochs(wanted, candidate.cost)
            words = f"{duration(max(self.time.left, 0.0))} are left"
            return f"{NO_TIME} about {duration(needed)}, and {words}{' for the best' if back else ''}"
        return ""

    def lacking(self, candidate: Candidate) -> Iterator[int]:
        """Of the records for training and of those for validation: how many have none of a candidate's inputs."""
        for records in (self.train, self.validation):
            there = [given(records.column(name)) for name in candidate.spec.input_names]
            yield int((~np.logical_or.reduce(there)).sum())

    def one(self, candidate: Candidate, tried: Tried, *, alone: bool) -> None:
        """Train a candidate within its share of what is left."""
        first = not self.trained or candidate.name == self.leader
        others = not alone and not candidate.training.init_from
        left = self.time.left
        share = left * FIRST if first and others else left - (self.time.kept_back if others else 0.0)
        tried.note = ""
        if not tried.epochs:
            tried.epochs = candidate.training.epochs
            if not first:
                like = None if candidate.training.init_from else self.like(candidate)
                most = min(tried.epochs, int(self.time.epochs_in(self.time.left, candidate.cost)))
                tried.epochs = max(min(most, like.epochs) if like else most, 1)
            self.write()
        if candidate.name in FITTED:
            share = min(left, FITTING * self.trials.seconds)
            print(f"{tried.name}: fitted in up to {duration(share)}", flush=True)
        elif not first and self.time.an_epoch:
            expected = self.time.of_epochs(tried.epochs, candidate.cost)
            share = min(share, PATIENT * expected) if others else share
            print(f"{tried.name}: up to {tried.epochs} epochs, about {duration(expected)} for all", flush=True)
        began = time.monotonic()
        until = began + max(share * (1 - TAIL), 0.0)
        again = not list(checkpoints(self.place(tried.name) / "checkpoints"))
        before = seconds_making()
        while True:
            try:
                made, watch = train_until(
                    until,
                    candidate.spec,
                    self.train,
                    self.validation,
                    training=replace(candidate.training, epochs=tried.epochs),
                    stop=self.stop,
                    again=again,
                    least=0.0 if self.trained else SURELY * self.trials.seconds,
                    seed=self.seed,
                    out=self.place(tried.name),
                    data=self.data,
                )
                break
            except TooSlowError as slow:
                epochs = max(int(slow.epochs * TIGHT / FIRST), 1) if others and not self.trained else slow.epochs
                print(f"  {tried.epochs} epochs would take too long; it begins again with {epochs}.", flush=True)
                shutil.rmtree(self.place(tried.name))
                tried.epochs, again = epochs, False
                self.write()
        tried.seconds = round(time.monotonic() - began, 1)
        self.take(tried, candidate, made or load_finished(self.place(tried.name)))
        over = watch.over and not self.stop
        if watch.an_epoch or not self.time.an_epoch:  # one call alone says nothing of an epoch
            an_epoch = watch.an_epoch or tried.seconds
            self.measure(tried, candidate, an_epoch, once=seconds_making() - before, over=over)
        print(f"  {self.trials.words(tried)}{OVER if over else ''}", flush=True)

    def take(self, tried: Tried, candidate: Candidate, model: Multimodal) -> None:
        """Note what a candidate that has ended is worth."""
        rows = read_history(self.place(tried.name))
        metric = f"val_{candidate.training.monitor or primary(candidate.spec)}"
        finite = [row for row in rows if row.get(metric) is not None]
        best = max(finite, key=lambda row: (row[metric], row["epoch"]), default={"epoch": len(rows)})
        answers = answers_of(model, self.validation, candidate.training.memory)
        if not self.trained and candidate.name not in FITTED:
            self.time.probe(model, self.validation)
        self.found[tried.name] = candidate, answers
        tried.trained, tried.best_epoch, tried.score = len(rows), int(best["epoch"] or 0), answers.primary
