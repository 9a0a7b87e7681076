"""What every baseline has, and what it is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mmzoo.data.records import Records
from mmzoo.tasks.base import Task

if TYPE_CHECKING:
    from mmzoo.baselines.features import Features

LOWEST = -1e9
Answers = Callable[[Records], np.ndarray]
"""The predictions to records, float32 (N, K), as `Task.to_predictions` has them."""


class OutOfTimeError(Exception):
    """The time that there was is over."""


@dataclass
class Clock:
    """The time there is.

    Args:
        end: of `time.monotonic`; infinite, if there is no end.
    """

    end: float = float("inf")

    @property
    def left(self) -> float:
        """Seconds."""
        return self.end - time.monotonic()

    def check(self, needed: float = 0.0) -> None:
        """Raise unless there are more than `needed` seconds left."""
        if self.left <= needed:
            raise OutOfTimeError

    def lift(self) -> None:
        """From now on there is no end: what was fitted in time may be asked later."""
        self.end = float("inf")


@dataclass(frozen=True)
class Baseline:
    """A fitted model of scikit-learn.

    Args:
        name: what it is, and what it reads: "linear on image", "trees on everything".
        task: the name of the task that it answers.
        inputs: that it reads; none of one that knows only the labels.
        score: the task's primary metric on the validation records.
        seconds: that fitting took, the features that no other had made before included.
        predict: the predictions to records, float32 (N, K) as `Task.to_predictions` has them; whatever they lack of
            its inputs.
    """

    name: str
    task: str
    inputs: tuple[str, ...]
    score: float
    seconds: float
    predict: Answers = field(repr=False)


@dataclass(frozen=True)
class Labels:
    """The known labels of some records.

    Args:
        records: those with a label.
        encoded: (N, ...), as the task encodes them.
        targets: float (N, K): what the predictions would be, were they right; numbers on their scale.
    """

    records: Records
    encoded: np.ndarray
    targets: np.ndarray


@dataclass(frozen=True)
class Problem:
    """One task to be answered from some inputs.

    Args:
        names: of the inputs that may be read.
        features: matrices of any records; what they learn they have learnt from the training records.
        fitted: the baselines of this task that there are already.
    """

    task: Task
    names: tuple[str, ...]
    features: Features
    train: Labels
    validation: Labels
    clock: Clock
    seed: int
    fitted: Sequence[Baseline] = ()

    def score(self, predictions: np.ndarray) -> float:
        """The task's primary metric of predictions to the validation records; the least there is where it has none."""
        return self.task.metrics(self.validation.encoded, predictions).get(self.task.primary_metric, LOWEST)

    def loss(self, predictions: np.ndarray) -> float:
        """How far predictions to the validation records are off: squared errors, or the likelihood of the labels."""
        targets = self.validation.targets
        if self.task.tags.numeric:
            spread = self.train.targets.std(axis=0) + 1e-9
            return float((((self.task.on_scale(predictions) - targets) / spread) ** 2).mean())
        claimed = targets * predictions + (1 - targets) * (1 - predictions)
        if self.task.tags.exclusive:
            claimed = (targets * predictions).sum(axis=1)
        return float(-np.log(np.clip(claimed, 1e-6, 1.0)).mean())

    def better(self, predictions: np.ndarray) -> tuple[float, float]:
        """What orders predictions to the validation records, the better the larger."""
        return self.score(predictions), -self.loss(predictions)


class Model:
    """One kind of baseline.

    place: the order in which they are fitted: the cheap ones first.
    each: is it fitted to each input by itself too?
    reads: does it read inputs?
    quick: is it fitted even when the time is over, because it takes hardly any?
    least: how many other baselines that read inputs it needs.
    """

    place: ClassVar[int] = 100
    each: ClassVar[bool] = False
    reads: ClassVar[bool] = True
    quick: ClassVar[bool] = False
    least: ClassVar[int] = 0

    def fit(self, problem: Problem) -> Answers:
        """What answers any records, fitted to the training records; choices are made on the validation records.

        Raises:
            OutOfTimeError: it cannot be had in the time that is left.
        """
        raise NotImplementedError
