"""The candidates one after the other, as long as there is time."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmzoo.auto.allowance import TAIL, Allowance
from mmzoo.auto.candidates import Candidate, in_turn, told_by, with_fitted
from mmzoo.auto.choosing import Answers, answers_of, choose
from mmzoo.auto.ensemble import greedy
from mmzoo.auto.tried import Floor, Trials, Tried
from mmzoo.auto.watch import TooSlowError, train_until
from mmzoo.baselines import Baseline, fit_baselines
from mmzoo.choice import Method
from mmzoo.data.columns import given
from mmzoo.data.records import Records
from mmzoo.data.sharing import seconds_making
from mmzoo.errors import DataError, MMZooError
from mmzoo.files import subfolder
from mmzoo.folders import check_no_link
from mmzoo.inference.metrics import primary
from mmzoo.spec import Spec
from mmzoo.training.checkpoint import checkpoints
from mmzoo.training.finished import load_finished
from mmzoo.training.notes import read_history
from mmzoo.words import duration, one_line

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal

FLOOR = 0.15  # of the time, for the baselines
FIRST = 0.5  # of what is left, that the first candidate may take where there are others,
TIGHT = 0.25  # and where that is not enough for all of its epochs
FEWER = 0.6  # of the first one's epochs, with which another one is still worth beginning
PATIENT = 3.0  # times as long as was expected that a candidate may take, or the others would have no time
SURELY = 0.15  # of all the time, that the first one trains for behind its first step, however late that is
BEGUN = 2.0  # epochs that must fit for the spec itself to be begun
OVER = "; there was no time for more"
DISTILLED = "distilled"


def longer(name: str) -> str:
    """What a candidate is called when it is trained on."""
    return f"{name}_longer"


class Search:
    """The candidates one after the other, as long as there is time.

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
        self.baselines: list[Baseline] = []
        self.failure: MMZooError | None = None
        self.leader = ""  # the spec itself

    def write(self) -> None:
        """Note how far it is."""
        self.trials.spent = self.time.gone
        self.trials.write(self.folder)

    def place(self, name: str) -> Path:
        """The folder of a candidate's run."""
        return check_no_link(subfolder(self.folder, "candidates") / name)

    def run(self, chosen: Sequence[Candidate], fitted: Spec) -> None:
        """Try, choose, and say what and why.

        Args:
            fitted: the spec of the first, fitted to the training records: the others have the same inputs.
        """
        names = ", ".join(each.name for each in in_turn(chosen))
        count = f"{len(chosen)} candidate{'s' if len(chosen) > 1 else ''}"
        print(f"Up to {duration(self.trials.seconds)} for a floor of scikit-learn and {count}: {names}.", flush=True)
        self.lay_floor(fitted)
        self.leader = chosen[0].name
        for number, each in enumerate(in_turn(chosen)):
            candidate = replace(each, spec=with_fitted(each.spec, fitted))
            self.attempt(candidate, alone=len(chosen) == 1, reason=self.reason_against(candidate) if number else "")
        if not self.found:
            raise self.failure or MMZooError("No candidate could be trained.")
        self.found = {each.name: self.found[each.name] for each in chosen if each.name in self.found}
        self.decide()
        self.go_on_with_best()
        if self.quality == "best":
            self.distil()
        self.judge()
        self.write()
        print(self.trials.text(), flush=True)

    def lay_floor(self, spec: Spec) -> None:
        """Fit the baselines, if they are not known from before."""
        if self.trials.floor is not None:
            return
        seconds = FLOOR * self.trials.seconds
        self.baselines = fit_baselines(spec, self.train, self.validation, seconds=seconds, seed=self.seed)
        metrics = {task.name: task.primary_metric for task in spec.tasks}
        self.trials.floor = [
            Floor(
                each.name,
                each.task,
                metrics[each.task],
                each.score if math.isfinite(each.score) else None,
                each.seconds,
            )
            for each in self.baselines
        ]
        if best := self.trials.best_floor:
            print(f"The floor is {best.name}: {self.trials.metric} {best.score:.3f} on the validation records.")
        self.write()

    def attempt(self, candidate: Candidate, *, alone: bool = False, reason: str = "") -> None:
        """Train a candidate, unless it has ended before, or there is a reason against it; note what comes of it.

        Args:
            alone: will there be no other?
        """
        tried = self.ended.get(candidate.name) or Tried(candidate.name, candidate.summary)
        self.trials.candidates.append(tried)
        if tried.score is not None:
            self.take(tried, candidate, load_finished(self.place(tried.name)))
            first, *others = [row["seconds"] for row in read_history(self.place(tried.name))] or [tried.seconds]
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

    def measure(self, tried: Tried, candidate: Candidate, an_epoch: float, **more: Any) -> None:
        """See `Allowance.measure`. The first that has ended tells of the others, and better the spec itself."""
        if len(self.found) == 1 or candidate.name == self.leader:
            self.time.measure(tried, candidate, an_epoch, **more)

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
        wanted = candidate.training.epochs
        if like := self.like(candidate):
            # What it did not need, because it gained nothing any more, the others are not expected to need.
            wanted = min(wanted, like.epochs, max(like.trained, 1))
        back = 0.0 if candidate.training.init_from else self.time.kept_back
        least = FEWER * wanted if candidate.name != self.leader else min(BEGUN, wanted)
        if self.time.epochs_in(self.time.left - back, candidate.cost) < least:
            needed = self.time.of_epochs(wanted, candidate.cost)
            words = f"{duration(max(self.time.left, 0.0))} are left"
            return f"not tried: it takes about {duration(needed)}, and {words}{' for the best' if back else ''}"
        return ""

    def lacking(self, candidate: Candidate) -> Iterator[int]:
        """Of the records for training and of those for validation: how many have none of a candidate's inputs."""
        for records in (self.train, self.validation):
            there = [given(records.column(name)) for name in candidate.spec.input_names]
            yield int((~np.logical_or.reduce(there)).sum())

    def one(self, candidate: Candidate, tried: Tried, *, alone: bool) -> None:
        """Train a candidate within its share of what is left."""
        first = not self.found or candidate.name == self.leader
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
        if not first and self.time.an_epoch:
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
                    least=0.0 if self.found else SURELY * self.trials.seconds,
                    seed=self.seed,
                    out=self.place(tried.name),
                    data=self.data,
                )
                break
            except TooSlowError as slow:
                epochs = max(int(slow.epochs * TIGHT / FIRST), 1) if others and not self.found else slow.epochs
                print(f"  {tried.epochs} epochs would take too long; it begins again with {epochs}.", flush=True)
                shutil.rmtree(self.place(tried.name))
                tried.epochs, again = epochs, False
                self.write()
        tried.seconds = round(time.monotonic() - began, 1)
        self.take(tried, candidate, made or load_finished(self.place(tried.name)))
        over = watch.over and not self.stop
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
        if not self.found:
            self.time.probe(model, self.validation)
        self.found[tried.name] = candidate, answers
        tried.trained, tried.best_epoch, tried.score = len(rows), int(best["epoch"]), answers.primary

    def decide(self) -> None:
        """Choose, and say why."""
        names = [*self.found]
        place, gain, error = choose([answers.scores for _, answers in self.found.values()])
        self.trials.chosen = names[place]
        if place:
            told = f"better than {names[0]} by {gain:.3f} a record, with a standard error of {error:.3f}"
            self.trials.why = f"{names[place]} is kept: on the validation records it is {told}."
        elif len(names) > 1:
            self.trials.why = f"{names[0]} is kept: no other was better by more than a standard error."
        else:
            self.trials.why = f"{names[0]} is kept: it is the only one that was trained."
        if self.stop:
            self.trials.why = f"Stopped: {self.trials.why[0].lower()}{self.trials.why[1:]}"

    def go_on_with_best(self) -> None:
        """Where the time was too short for all epochs of each, train the best one on with what is left."""
        name = self.trials.chosen
        candidate, _ = self.found[name]
        if not (self.time.tight or longer(name) in self.ended) or self.stop:
            return
        epochs = self.time.epochs_in(self.time.left, candidate.cost)
        if epochs < FEWER and longer(name) not in self.ended:  # most of an epoch is worth it
            return
        epochs = min(max(int(epochs), 1), candidate.training.epochs)
        training = replace(candidate.training, epochs=epochs, init_from=str(self.place(name)))
        self.attempt(replace(candidate, name=longer(name), training=training))
        self.prefer(longer(name), f"{name} is kept, trained on from where it was")

    def distil(self) -> None:
        """Where several answer better together, let the best learn from all of them."""
        name = self.trials.chosen
        candidate, _ = self.found[name]
        members = greedy({key: each for key, (_, each) in self.found.items()})
        if len({*members}) < 2 or self.stop:
            return
        print(f"Together, {' + '.join(members)} answer better; {name} learns from them.")
        teacher, *others = (str(self.place(each)) for each in members)
        methods = [each for each in map(Method.of, candidate.training.methods) if each.name != "distillation"]
        methods = [Method("distillation", teacher=teacher, others=others), *methods]
        training = replace(candidate.training, methods=methods, init_from=str(self.place(name)))
        student = replace(candidate, name=DISTILLED, training=training)
        self.attempt(student, reason=self.reason_against(student))
        self.prefer(DISTILLED, f"{name} is kept, which has learned from {' + '.join(members)}")

    def prefer(self, name: str, why: str) -> None:
        """Keep what has begun with the weights of the one that was chosen, if it is not worse."""
        if name in self.found and self.mean(name) >= self.mean(self.trials.chosen):
            self.trials.chosen, self.trials.why = name, f"{why}."

    def mean(self, name: str) -> float:
        """What a candidate is compared by."""
        return float(self.found[name][1].scores.mean())

    def judge(self) -> None:
        """Say how the one that is kept stands to the floor."""
        _, answers = self.found[self.trials.chosen]
        if best := self.trials.best_floor:
            self.trials.verdict = self.trials.against(best, answers.primary)
