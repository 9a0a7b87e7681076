"""What is seen of a run while it goes on: a bar, a line an epoch, `history.jsonl`, and the callbacks of Keras."""

from __future__ import annotations

import importlib.util
import secrets
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from mmzoo.files import subfolder, write_file
from mmzoo.messages.words import duration
from mmzoo.training.run_folder.notes import Row, history_text
from mmzoo.training.run_folder.state import State

SURE = 3.0  # seconds, before which it is not said how long the rest will take
CALLS = 5  # into the graph, of which it is known: the first ones trace it, also for other numbers of steps
RECENT = 50  # calls and ends of epochs that count
OFF = 1.5  # a second estimate is said if it is so many times the first, or the first is so many times it
LINES = 10  # printed in all where there is no terminal for a bar


@dataclass
class Pace:
    """How long steps and ends of epochs take: the median, since the first of either trace a graph or read features."""

    calls: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    """Seconds a step, by call into the graph, of the first epoch or of those after it."""
    ends: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    """Seconds between the last call of an epoch and the first of the next."""
    expected: float = 0.0
    """When the end was expected, by the clock, when that was said; 0 before."""
    settled: bool = False
    """Was it seen after the first epoch how long the rest takes?"""

    def add_end(self, seconds: float) -> None:
        """An epoch has ended, and the next begins."""
        if not self.ends:
            self.calls.clear()
        self.ends.append(seconds)

    def left(self, steps: int, epochs: int) -> float:
        """Seconds that so many steps and ends of epochs take; the first end alone says nothing."""
        ends = float(np.median([*self.ends][1:])) if len(self.ends) > 1 else 0.0
        return float(np.median(self.calls)) * steps + ends * epochs

    def news(self, now: float, steps: int, epochs: int) -> float | None:
        """What is left, in seconds, where it is to be said: once in the first epoch, and later if it was not said or
        is quite another then.

        Args:
            now: by the clock.
            steps, epochs: that are left.
        """
        first = not self.ends
        if self.settled or len(self.calls) < CALLS or len(self.ends) == 1 or (first and self.expected):
            return None
        left, before, self.settled = self.left(steps, epochs), self.expected - now, not first
        if self.expected and left / OFF < before < left * OFF:
            return None
        self.expected = now + left
        return left


class Progress:
    """Tells of a run: to a terminal examples a second, the time left and the share of time spent on waiting for data.

    Args:
        model: what callbacks are given.
        epochs, steps, batch_size: of the whole run.
        folder: where `history.jsonl` is written, and `tensorboard/` where that package is there.
        callbacks: of Keras. A call into the graph, of one or more steps, is what they know as a batch. What they
            keep to themselves is not in a checkpoint.
        chief: is this the worker that shows and writes? The others do neither, and call nothing back.
    """

    def __init__(
        self,
        model: keras.Model,
        state: State,
        epochs: int,
        steps: int,
        batch_size: int,
        folder: Path,
        callbacks: Sequence[keras.callbacks.Callback],
        chief: bool,
    ) -> None:
        self.epochs, self.batch_size, self.folder, self.chief = epochs, batch_size, folder, chief
        watching = list(callbacks) if chief else []
        # Keras has a callback for it, which asks the model for an optimizer that it does not have here.
        wanted = chief and importlib.util.find_spec("tensorboard")
        self.board = board_in(subfolder(folder, "tensorboard")) if wanted else None
        self.model = model
        model.stop_training = False
        self.callbacks = keras.callbacks.CallbackList(watching, model=model, epochs=epochs, steps=steps, verbose=0)
        self.bar = tqdm(
            total=steps * batch_size,
            initial=state.step * batch_size,
            desc="training",
            unit="example",
            unit_scale=True,
            disable=None if chief else True,
            leave=False,
        )
        self.steps, self.pace = steps, Pace()
        self.opened = self.called = self.returned = time.monotonic()
        self.ended = False
        self.callbacks.on_train_begin()
        self.begin_epoch(state)

    def begin_epoch(self, state: State) -> None:
        """An epoch begins, or goes on."""
        self.began, self.waited, self.first = time.monotonic(), 0.0, state.step
        if state.epoch < self.epochs:
            self.callbacks.on_epoch_begin(state.epoch)

    def begin_steps(self, state: State) -> None:
        """A call into the graph begins."""
        self.called = time.monotonic()
        if self.ended:
            self.pace.add_end(self.called - self.returned)
            self.ended = False
        self.callbacks.on_train_batch_begin(state.step)

    def end_steps(self, state: State, count: int, waited: float) -> None:
        """`count` steps were taken, of which `waited` seconds went by until their data were there."""
        self.waited += waited
        self.returned = time.monotonic()
        self.pace.calls.append((self.returned - self.called) / count)
        self.tell_time(state)
        self.bar.update(count * self.batch_size)
        self.bar.set_postfix_str(f"waiting for data {self.waiting:.0%}", refresh=False)
        self.callbacks.on_train_batch_end(state.step - 1, {"loss": sum(state.losses[-1])})

    def tell_time(self, state: State) -> None:
        """Say how long it will take, as soon as that is known."""
        now = time.monotonic()
        if now - self.opened < SURE:
            return
        left = self.pace.news(now, self.steps - state.step, self.epochs - state.epoch)
        if left is not None and self.chief:
            print(f"All {self.epochs} epochs take about {duration(left)} from here.", flush=True)

    @property
    def waiting(self) -> float:
        """The share of the time of this epoch in which the model waited for data."""
        return self.waited / max(time.monotonic() - self.began, 1e-9)

    def end_epoch(self, state: State, row: Row) -> None:
        """An epoch has ended; `row` is what is known of it. It is added to the history."""
        self.ended = True
        seconds = time.monotonic() - self.began
        examples = (state.step - self.first) * self.batch_size
        speed = {"seconds": seconds, "examples_per_second": examples / seconds, "waiting": self.waiting}
        row |= {name: round(value, 3) for name, value in speed.items()}
        state.history.append(row)
        if not self.chief:
            return
        write_file(self.folder / "history.jsonl", history_text(state.history))
        if self.bar.disable and state.epoch % max(self.epochs // LINES, 1) == 0:
            shown = "  ".join(f"{name} {value:.4g}" for name, value in row.items() if name != "epoch")
            print(f"epoch {state.epoch}/{self.epochs}  {shown}", flush=True)
        if self.board:
            with self.board.as_default(state.epoch):
                for name in row.keys() - {"epoch"}:
                    tf.summary.scalar(name, row[name])
            self.board.flush()
        self.callbacks.on_epoch_end(state.epoch - 1, {k: v for k, v in row.items() if k != "epoch"})

    @property
    def stopped(self) -> bool:
        """Did a callback ask for the end?"""
        return bool(self.model.stop_training)

    def close(self) -> None:
        """The run ends here, finished or not."""
        self.bar.close()
        if self.board:
            self.board.close()
        self.callbacks.on_train_end()


def board_in(folder: Path) -> keras.callbacks.TensorBoard:
    """A writer for TensorBoard, into a file of a name that nobody can guess: it would follow a link."""
    return tf.summary.create_file_writer(str(folder), filename_suffix=f".{secrets.token_hex(16)}")
