"""The end of a training that takes longer than it may."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from mmzoo.data.records import Records
from mmzoo.spec import Spec
from mmzoo.training.settings import Training
from mmzoo.training.train import train as train_folder

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal

SURE = 5  # steps after the first call, and
SECONDS = 1.0  # seconds, after which their speed is known
VALIDATION = 1.15  # what an epoch takes beside its steps, as a factor
EVERY = 10.0  # seconds, between two lines on how far it is
SHOWN = ("loss", "val_loss")
SLOWER = 1.25  # so much longer than it may must it take for another try with fewer epochs
AGAIN = 0.3  # of what is left: where what goes before the first step takes more, beginning again leaves too little


class TooSlowError(Exception):
    """All epochs take far longer than there is time; `epochs` would fit."""

    def __init__(self, epochs: int) -> None:
        super().__init__(f"{epochs} epochs fit")
        self.epochs = epochs


class Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends a training when its time is over, or when somebody asks to stop; what it was worth by then is kept.

    Args:
        until: when that is, by `time.monotonic`.
        epochs, steps: that it would have in all.
        asked: of `mmzoo.training.stopping.stop_requests`.
        least: seconds that it may train for behind its first step, be it after `until`: what goes before, features and
            graphs, may have taken all of the time, and nothing would be learnt.
        again: may it be begun again with fewer epochs, if it is seen early that so many do not fit? Then it is a
            `TooSlowError`: the rate of learning would never fall otherwise.
        say: is given a line on how far it is, every now and then.
    """

    def __init__(
        self,
        until: float,
        epochs: int,
        steps: int,
        asked: Sequence[int],
        *,
        again: bool,
        least: float = 0.0,
        say: Callable[[str], object] = print,
    ) -> None:
        super().__init__()
        self.say = say
        self.until, self.epochs, self.steps, self.asked, self.again = until, epochs, steps, asked, again
        self.least = least
        self.made = self.said = time.monotonic()
        self.first: tuple[float, int] | None = None
        self.last = (0.0, 0)
        self.over = False

    def on_train_begin(self, logs: object = None) -> None:
        self.began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        now = time.monotonic()
        self.last = now, batch
        if self.first is None:  # the first call traces the graph
            self.first = now, batch
            self.opening = now - self.made
            self.until = max(self.until, now + self.least)
        elif self.again and batch - self.first[1] >= SURE and now - self.first[0] >= SECONDS:
            self.again = False
            self.check_speed(now, batch)
        if now >= self.until or self.asked:
            self.over = True
            self.model.stop_training = True

    def is_over(self) -> bool:
        """Is the time over, or does somebody ask to stop? For those who fit something before the first step."""
        return bool(self.asked) or time.monotonic() >= self.until

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if time.monotonic() - self.said > EVERY:
            self.said = time.monotonic()
            left = max(self.until - self.said, 0.0)
            found = "".join(f", {name} {value:.4g}" for name, value in (logs or {}).items() if name in SHOWN)
            self.say(f"epoch {epoch + 1} of {self.epochs}{found}, {left:.0f} s left")

    @property
    def an_epoch(self) -> float:
        """Seconds that an epoch takes, by the steps behind the first call; 0 where there were none."""
        (began, first), (now, last) = self.first or self.last, self.last
        return VALIDATION * (now - began) / (last - first) * self.steps / self.epochs if last > first else 0.0

    def check_speed(self, now: float, batch: int) -> None:
        """Raise `TooSlowError` if far fewer epochs fit than there are."""
        a_step = self.an_epoch * self.epochs / self.steps
        if now + a_step * (self.steps - batch) - self.made <= SLOWER * (self.until - self.made):
            return
        if self.opening > AGAIN * (self.until - now):
            return
        fitting = int((self.until - now - self.opening) / (a_step * self.steps / self.epochs))
        if 1 <= fitting < self.epochs:
            raise TooSlowError(fitting)


def train_until(
    until: float,
    spec: Spec,
    train: Records,
    validation: Records,
    *,
    training: Training,
    stop: Sequence[int] = (),
    again: bool,
    least: float = 0.0,
    seed: int,
    out: Path,
    data: str = "",
) -> tuple[Multimodal | None, Watch]:
    """Train as `mmzoo.train` does, but for a time, and say a line on it only now and then.

    Args:
        until: when it ends, by `time.monotonic`.
        stop, again, least: of `Watch`.
        seed, out, data: of `mmzoo.training.train.train`.

    Returns:
        The model, None if there was nothing left to train; and what watched it.

    Raises:
        TooSlowError: far fewer epochs fit, if `again`.
    """
    keras.backend.clear_session()
    made: list[Multimodal] = []
    steps = max(training.epochs * len(train) // training.batch_size, 1)
    say = partial(print, " ", file=sys.stdout, flush=True)
    watch = Watch(until, training.epochs, steps, stop, again=again, least=least, say=say)
    # A line for each of ten epochs and the size of each model are too much of many trainings.
    with redirect_stdout(io.StringIO()):
        train_folder(
            spec,
            train,
            validation,
            training=training,
            seed=seed,
            out=out,
            data=data,
            callbacks=[watch],
            on_model=made.append,
        )
    return (made[0] if made else None), watch
