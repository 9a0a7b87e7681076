"""The best of several candidates within a time, as a run in a folder of its own."""

from __future__ import annotations

import io
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from mmzoo.auto.candidates import Candidate, candidates
from mmzoo.auto.choosing import Answers, answers_of, choose
from mmzoo.auto.tried import Trials, Tried
from mmzoo.auto.watch import TooSlowError, Watch
from mmzoo.data.faults import Faults, usable
from mmzoo.data.records import Records
from mmzoo.data.sharing import sharing
from mmzoo.errors import MMZooError, check_number, require, unknown
from mmzoo.files import is_folder, read_file, subfolder, write_file
from mmzoo.folders import check_no_link, discard, held
from mmzoo.inference.metrics import primary
from mmzoo.spec import Spec
from mmzoo.training.checkpoint import checkpoints
from mmzoo.training.claim import make_folder
from mmzoo.training.finished import load_finished
from mmzoo.training.notes import made_in, read_history, read_object
from mmzoo.training.settings import Training, check_settings
from mmzoo.training.stopping import stop_requests
from mmzoo.training.train import train as train_folder
from mmzoo.words import json_bytes, one_line

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal

FIRST = 0.5  # of the time, that the first candidate may take where there are others
FEWER = 0.6  # of the first one's epochs, with which another one is still worth beginning
TAIL = 0.1  # of a candidate's time, that goes by after its last step
OVER = "; there was no time for more"
MOVED = ("spec.json", "machine.txt", "history.jsonl", "tensorboard", "checkpoints", "model")
"""What makes a candidate's folder a run; the model last, which says that it is whole."""


def train_within(
    spec: Spec,
    train: Records,
    validation: Records,
    *,
    seconds: float,
    gone: float = 0.0,
    training: Training,
    out: str | Path,
    quality: str = "good",
    seed: int = 0,
    data: str = "",
    recipe: Path | None = None,
    on_error: str = "error",
    budget: float = 0.01,
) -> Path:
    """Try several candidates for a spec, and keep the best on the validation records as the run in a folder.

    `out` is then an ordinary run, whose candidates.json says what was tried; the others are in `candidates/`, runs too.
    Ctrl-C ends the candidate that is at work and keeps the best so far. After a kill the same call goes on: what has
    ended is not trained again, and its time counts.

    Args:
        seconds: that all of it may take. The first candidate keeps what it has learned by then, be it half an epoch.
        gone: seconds of these that have gone by already.
        training: the settings of all; an epoch less where they do not fit.
        quality: "fast", "good" or "best", see `mmzoo.auto.candidates`.
        data, recipe, on_error, budget: as `mmzoo.train` has them.

    Raises:
        MMZooError: no candidate can be trained, or `out` holds something else.
    """
    check_number("The time in seconds", seconds, 1e-9, 1e9)
    check_settings(spec, training)
    found = candidates(spec, training, quality)
    folder = Path(out)
    make_folder(folder)
    settings = {"data": data, "seed": seed, "on_error": on_error, "budget": budget}
    asked = {
        "spec": spec.to_json(), "training": training.to_json(), "quality": quality, "seconds": seconds, **settings
    }  # fmt: skip
    with held(folder, "training"), sharing(), stop_requests(signal.SIGINT) as stop:
        trials = Trials.read(folder)
        if trials is None:
            others = sorted(path.name for path in folder.iterdir())
            require(not others, f"The folder '{folder}' is not empty ({others[:1]}); choose another --out.")
            trials = Trials(asked, primary(spec), seconds)
        trials.check_asked(asked, folder)
        if not trials.chosen:
            faults = Faults(on_error, budget)
            train, validation = usable(spec, train, faults, "train"), usable(spec, validation, faults, "validation")
            if on_error != "error":
                write_file(folder / "data_errors.json", json_bytes(faults.to_json()))
                print(faults.table())
            search = Search(folder, trials, train, validation, stop, gone=gone, seed=seed, data=data)
            search.run(found, spec.fit(train))
        elif (folder / "model" / "card.json").exists():
            print(f"'{folder}' is trained already.")
        if trials.chosen not in [each.name for each in found]:
            raise unknown("candidate called", trials.chosen, [each.name for each in found])
        adopt(folder, trials.chosen, settings)
        if recipe and not (folder / "recipe.py").exists():
            write_file(folder / "recipe.py", read_file(recipe))
    return folder


class Search:
    """The candidates one after the other, as long as there is time.

    Args:
        folder: of the run that is to be.
        trials: what was tried before, which is added to.
        train, validation: records that can be used.
        stop: of `stop_requests`.
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
    ) -> None:
        self.folder, self.trials, self.train, self.validation, self.stop = folder, trials, train, validation, stop
        self.seed, self.data = seed, data
        self.began = time.monotonic() - trials.spent - gone
        self.answers: dict[str, Answers] = {}
        self.an_epoch = self.around = 0.0  # seconds that an epoch of the first takes, and what is before and after it

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.trials.seconds - (time.monotonic() - self.began)

    def write(self) -> None:
        """Note how far it is."""
        self.trials.spent = time.monotonic() - self.began
        self.trials.write(self.folder)

    def run(self, found: Sequence[Candidate], fitted: Spec) -> None:
        """Try, choose, and say what and why.

        Args:
            fitted: the spec of the first, fitted to the training records: the others have the same inputs.
        """
        names = ", ".join(each.name for each in found)
        print(
            f"{len(found)} candidate{'s' if len(found) > 1 else ''} ({names}) within {duration(self.trials.seconds)}; "
            "the first tells how long the others take.",
            flush=True,
        )
        ended = {each.name: each for each in self.trials.candidates}
        self.trials.candidates.clear()
        failure: MMZooError | None = None
        for number, each in enumerate(found):
            tried = ended.get(each.name) or Tried(each.name, each.summary)
            self.trials.candidates.append(tried)
            candidate = replace(each, spec=with_fitted(each.spec, fitted))
            if tried.score is not None:
                self.take(tried, candidate, load_finished(self.place(tried.name)))
                continue
            if self.answers and not tried.epochs and (reason := self.reason_against(candidate)):
                tried.note = reason
                continue
            try:
                self.one(candidate, tried, last=number == len(found) - 1)
            except MMZooError as error:
                failure = failure or error
                tried.note = one_line(error)
                print(f"{each.name} failed: {tried.note}")
            self.write()
        if not self.answers:
            raise failure or MMZooError("No candidate could be trained.")
        self.decide()
        self.write()
        print(self.trials.text(), flush=True)

    def place(self, name: str) -> Path:
        """The folder of a candidate's run."""
        return check_no_link(subfolder(self.folder, "candidates") / name)

    def reason_against(self, candidate: Candidate) -> str:
        """Why a candidate is not begun any more; "" if it is."""
        if self.stop:
            return "not tried: stopped before"
        fitting = self.fitting(candidate)
        if fitting < FEWER * candidate.training.epochs and fitting < FEWER * self.trials.candidates[0].epochs:
            needed = self.around + self.an_epoch * candidate.cost * self.trials.candidates[0].epochs
            return f"not tried: it needs about {duration(needed)}, and {duration(max(self.left, 0))} are left"
        return ""

    def fitting(self, candidate: Candidate) -> int:
        """How many epochs of a candidate fit into what is left, as far as the first one tells."""
        most = min(candidate.training.epochs, self.trials.candidates[0].epochs)
        return min(int((self.left - self.around) / max(self.an_epoch * candidate.cost, 1e-9)), most)

    def one(self, candidate: Candidate, tried: Tried, *, last: bool) -> None:
        """Train a candidate within its share of what is left."""
        first = not self.answers
        share = self.left * (FIRST if first and not last else 1.0)
        if not tried.epochs:
            tried.epochs = candidate.training.epochs if first else max(self.fitting(candidate), 1)
            self.write()
            if not first:
                expected = self.around + tried.epochs * self.an_epoch * candidate.cost
                print(f"{candidate.name}: {tried.epochs} epochs, about {duration(expected)}", flush=True)
        began = time.monotonic()
        until = began + max(share * (1 - TAIL), 0.0)
        again = not list(checkpoints(self.place(tried.name) / "checkpoints"))
        made: list[Multimodal] = []
        while True:
            keras.backend.clear_session()
            training = replace(candidate.training, epochs=tried.epochs)
            steps = max(tried.epochs * len(self.train) // training.batch_size, 1)
            watch = Watch(
                until,
                tried.epochs,
                steps,
                self.stop,
                again=again,
                say=partial(print, " ", file=sys.stdout, flush=True),
            )
            try:
                # A line for each of ten epochs and the size of each model are too much of all candidates.
                with redirect_stdout(io.StringIO()):
                    train_folder(
                        candidate.spec,
                        self.train,
                        self.validation,
                        training=training,
                        seed=self.seed,
                        out=self.place(tried.name),
                        data=self.data,
                        callbacks=[watch],
                        on_model=made.append,
                    )
                break
            except TooSlowError as slow:
                print(f"{tried.epochs} epochs do not fit: {candidate.name} begins again with {slow.epochs}.")
                shutil.rmtree(self.place(tried.name))
                tried.epochs, again = slow.epochs, False
                self.write()
        self.take(tried, candidate, made[0] if made else load_finished(self.place(tried.name)))
        tried.seconds = round(time.monotonic() - began, 1)
        if first:
            epochs = [row["seconds"] for row in read_history(self.place(tried.name))]
            self.an_epoch = sum(epochs) / max(tried.trained, 1)
            self.around = max(tried.seconds - sum(epochs), 0.0)
        print(f"  {trials_words(self.trials.metric, tried)}{OVER if watch.over and not self.stop else ''}", flush=True)

    def take(self, tried: Tried, candidate: Candidate, model: Multimodal) -> None:
        """Note what a candidate that has ended is worth."""
        rows = read_history(self.place(tried.name))
        metric = f"val_{candidate.training.monitor or primary(candidate.spec)}"
        finite = [row for row in rows if row.get(metric) is not None]
        best = max(finite, key=lambda row: (row[metric], row["epoch"]), default={"epoch": len(rows)})
        self.answers[tried.name] = answers_of(model, self.validation, candidate.training.memory)
        tried.trained, tried.best_epoch = len(rows), int(best["epoch"])
        tried.score = self.answers[tried.name].primary

    def decide(self) -> None:
        """Choose, and say why."""
        names = [each.name for each in self.trials.candidates if each.name in self.answers]
        place, gain, error = choose([self.answers[name].scores for name in names])
        self.trials.chosen = names[place]
        if place:
            told = f"{gain:.3f} a record better than {names[0]} on the validation records (standard error {error:.3f})"
            self.trials.why = f"{names[place]} is kept: {told}."
        elif len(names) > 1:
            self.trials.why = f"{names[0]} is kept: no other was better by more than a standard error."
        else:
            self.trials.why = f"{names[0]} is kept: it is the only one that was trained."
        if self.stop:
            self.trials.why = f"Stopped: {self.trials.why[0].lower()}{self.trials.why[1:]}"


def with_fitted(spec: Spec, fitted: Spec) -> Spec:
    """A spec with the vocabularies, statistics and priors that another one of the same inputs and tasks has."""
    inputs = {item.name: item for item in fitted.inputs}
    tasks = [
        replace(like, auxiliary=task.auxiliary, mutual=task.mutual)
        for task, like in zip(spec.tasks, fitted.tasks, strict=True)
    ]
    return replace(spec, inputs=[inputs[name] for name in spec.input_names], tasks=tasks)


def adopt(folder: Path, name: str, settings: dict[str, Any]) -> None:
    """Make a candidate's run that of the folder; whatever of it is there already is left."""
    place = check_no_link(folder / "candidates" / name)
    if is_folder(place):
        theirs = read_object(place / "run.json") if (place / "run.json").exists() else {}
        if theirs:
            write_file(folder / "run.json", json_bytes({**theirs, **settings, "made_in": made_in(folder)}))
        for each in MOVED:
            if (place / each).exists():
                (place / each).rename(check_absent(folder / each))
        shutil.rmtree(place)
    for other in sorted((folder / "candidates").glob("*/checkpoints/*.checkpoint")):
        discard(other)


def check_absent(path: Path) -> Path:
    """The path; raise if there is anything."""
    require(not path.exists() and not path.is_symlink(), f"'{path}' is in the way; remove it first.")
    return path


def trials_words(metric: str, tried: Tried) -> str:
    """What has become of a candidate."""
    kept = f"epoch {tried.best_epoch} of {tried.trained} kept"
    return f"{tried.name}: {metric} {tried.score:.3f} on the validation records, {kept}, {duration(tried.seconds)}"


def duration(seconds: float) -> str:
    """Seconds as they are told: "40 s", "3.5 min"."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"
