"""Cross-validation: what a spec is worth on records that it was not trained on, each of them once."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.auto.choosing import answers_of
from mmzoo.auto.tried import checked
from mmzoo.auto.watch import TooSlowError, train_until
from mmzoo.data.faults import Faults, usable
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError, require
from mmzoo.files import subfolder, write_file
from mmzoo.files.folders import check_no_link, held
from mmzoo.inference.metrics import primary
from mmzoo.messages.words import duration, json_bytes, one_line
from mmzoo.spec import Spec
from mmzoo.training.finished import load_finished
from mmzoo.training.run_folder.notes import read_history, read_object
from mmzoo.training.settings import Training

FILE = "folds.json"
PLACE = "folds"
OWN = ("distillation",)  # methods that bring in what another model knows of the records that are left out


@dataclass
class Fold:
    """One fold: its records, the primary metric of a model that saw none of them, and how that was trained."""

    records: int
    score: float
    epochs: int
    seconds: float


@dataclass
class Folds:
    """All folds of a cross-validation.

    asked: what was asked for; another one does not go on with this.
    metric: the primary one, of the first task.
    count: so many folds there shall be.
    """

    asked: Raw
    metric: str
    count: int
    folds: list[Fold] = field(default_factory=list)

    @property
    def mean(self) -> float:
        """Of the scores."""
        return float(np.mean([each.score for each in self.folds]))

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the mean: Student's t with the variance of Nadeau & Bengio (2003).

        The models of two folds are trained on mostly the same records, so that their scores are not independent: the
        variance of the mean is not s^2 / k but s^2 (1 / k + test / train), here s^2 (1 / k + 1 / (k - 1)). It is still
        an approximation, and with two or three folds a wide one.
        """
        from scipy.stats import t

        count = len(self.folds)
        if count < 2:
            return float("-inf"), float("inf")
        spread = float(np.std([each.score for each in self.folds], ddof=1))
        half = float(t.ppf(0.975, count - 1)) * spread * math.sqrt(1 / count + 1 / (count - 1))
        return self.mean - half, self.mean + half

    @property
    def words(self) -> str:
        """Mean and interval in a sentence."""
        low, high = self.interval
        total = sum(each.records for each in self.folds)
        return (
            f"Cross-validation in {len(self.folds)} folds of {total:,} records: {self.metric.replace('_', ' ')} "
            f"{self.mean:.3f}, 95 % interval {low:.3f} to {high:.3f}."
        )

    def write(self, folder: Path) -> None:
        """Keep this in a run's folder."""
        shown = {"mean": self.mean, "interval": self.interval} if len(self.folds) == self.count else {}
        write_file(folder / FILE, json_bytes({**asdict(self), **shown}))

    @classmethod
    def read(cls, folder: Path) -> Folds | None:
        """What a run's folder has of it; None where it has nothing. Whoever made the folder may have written anything.

        Raises:
            MMZooError: it is damaged.
        """
        path = folder / FILE
        if not os.path.lexists(path):
            return None
        remedy = "remove it, or choose another --out"
        found = read_object(path, remedy)
        try:
            metric, count, folds = found["metric"], found["count"], checked(Fold, found["folds"])
            if not isinstance(metric, str) or type(count) is not int or len(folds) > count:
                raise TypeError("the metric or the number of folds is none")
            if not all(math.isfinite(each.score) for each in folds):
                raise TypeError("a score is no number")
            return cls(found["asked"], metric, count, folds)
        except (KeyError, TypeError) as error:
            raise MMZooError(f"'{path}' is damaged ({one_line(error)}); {remedy}.") from None


def cross_validate(
    spec: Spec,
    folds: Sequence[tuple[Records, Records, Records]],
    *,
    training: Training,
    folder: Path,
    seconds: float = math.inf,
    seed: int = 0,
    on_error: str = "error",
    budget: float = 0.01,
) -> Folds:
    """Train a spec anew on each fold, and keep what it is worth in `folds.json` in the folder of a run.

    Each fold has its own model, fitted and trained from nothing without the fold's records; a part of the others,
    its validation records, chooses the epoch. All folds have the same spec, settings and seed. Nothing is chosen by
    their scores. Where the spec was itself the best of several candidates, that choice was made with validation
    records which are in the folds too: the mean is then a little too good, as that of the best of several always is.

    After a kill the same call goes on: folds that have ended are not trained again.

    Args:
        spec: that is not fitted.
        folds: training, validation and test records of each; see `mmzoo.data.splits.parts.folds_of`.
        training: what it learns from other runs (`init_from`, distillation) is left out, since these have seen the
            records.
        seconds: for all folds; each has an equal share of what is left, and fewer epochs where they do not fit.
        on_error, budget: what is done about records that cannot be used; see `mmzoo.data.faults.Faults`.

    Raises:
        MMZooError: a fold cannot be trained or has no label, or the folder has folds of something else.
    """
    began = time.monotonic()
    methods = [each for each, name in zip(training.methods, training.method_names, strict=True) if name not in OWN]
    training = replace(training, init_from="", methods=methods)
    asked = {"spec": spec.to_json(), "training": training.to_json(), "seed": seed, "seconds": seconds}
    asked |= {"records": [[len(part) for part in parts] for parts in folds]}
    asked = json.loads(json.dumps({**asked, "seconds": seconds if math.isfinite(seconds) else None}))
    with held(folder, "cross-validation"):
        found = Folds.read(folder) or Folds(asked, primary(spec), len(folds))
        require(
            found.asked == asked,
            f"'{folder / FILE}' is of other folds, another spec, settings, seed or time; remove it, or choose another "
            "--out.",
        )
        limit = f" within {duration(seconds)}" if math.isfinite(seconds) else ""
        if len(found.folds) < len(folds):
            print(f"Cross-validation in {len(folds)} folds{limit}.", flush=True)
        for number in range(len(found.folds), len(folds)):
            share = (seconds - (time.monotonic() - began)) / (len(folds) - number)
            faults = Faults(on_error, budget)
            parts = [
                usable(spec, part, faults, name)
                for part, name in zip(folds[number], ("train", "validation", "test"), strict=True)
            ]
            place = check_no_link(subfolder(folder, PLACE) / str(number + 1))
            fold = one_fold(spec, parts, training, place, time.monotonic() + max(share, 0.0), seed)
            found.folds.append(fold)
            found.write(folder)
            shutil.rmtree(place)
            print(
                f"  fold {number + 1} of {len(folds)}: {found.metric} {fold.score:.3f} on {fold.records} records, "
                f"{fold.epochs} epochs, {fold.seconds:.0f} s",
                flush=True,
            )
        if (folder / PLACE).exists():
            (folder / PLACE).rmdir()
    print(found.words, flush=True)
    return found


def one_fold(spec: Spec, parts: Sequence[Records], training: Training, place: Path, until: float, seed: int) -> Fold:
    """Train one fold in a folder of its own, and see what it is worth."""
    began = time.monotonic()
    train, validation, test = parts
    for part, name in zip(parts, ("training", "validation", "test"), strict=True):
        require(len(part), f"A fold has no {name} records that can be used; give fewer folds.")
    again = math.isfinite(until)
    while True:
        if place.exists():  # half a fold of an earlier call, or one with too many epochs
            shutil.rmtree(place)
        try:
            model, _ = train_until(until, spec, train, validation, training=training, again=again, seed=seed, out=place)
            break
        except TooSlowError as slow:
            training, again = replace(training, epochs=slow.epochs), False
    score = answers_of(model or load_finished(place), test, training.memory).primary
    require(
        math.isfinite(score),
        f"The score of fold {place.name} is no number, since too few of its records have a label; give fewer folds.",
    )
    return Fold(len(test), score, len(read_history(place)), round(time.monotonic() - began, 1))
