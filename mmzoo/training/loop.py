"""The loop: one pass over the batches of a feed, that can stop and go on at any step, on any strategy."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tree
from mmzoo.errors import MMZooError, require
from mmzoo.files import subfolder
from mmzoo.files.folders import identity
from mmzoo.inference.metrics import metrics, primary
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.names import PRESENT
from mmzoo.spec import Spec
from mmzoo.training.distribution.strategy import added_up, has_workers, is_chief
from mmzoo.training.feeds.batches import records_named
from mmzoo.training.feeds.feed import Feed
from mmzoo.training.loss import total_loss
from mmzoo.training.methods.base import LabelledOutputs
from mmzoo.training.model.teaching import with_given
from mmzoo.training.monitoring.progress import Progress
from mmzoo.training.run_folder.notes import Row
from mmzoo.training.run_folder.state import State
from mmzoo.training.settings import Training
from mmzoo.training.stopping import Interrupted, stop_requests
from mmzoo.training.trainer import Trainer
from mmzoo.tuning.groups import Tuned

CALL_SECONDS = 0.25  # a call into the graph takes about so long, that Ctrl-C is heard soon
SAVE_SECONDS = 600  # so much work may be lost, where an epoch takes longer
PLATEAU = 3  # epochs without gain after which the rate is halved
TRIES = 3  # times that a loss that is not finite is met with a lower rate

Validation = tuple[dict[str, Tree], dict[str, np.ndarray]]


class Loop:
    """A run from its newest checkpoint, or from its beginning, to its end.

    To be made in the scope of the strategy that the model was built in. Only the first of several workers validates
    and writes; the folder of checkpoints must be one that all of them can read.

    Args:
        model: from what the feed gives to the model's outputs; has the best weights of all epochs in the end.
        validation: features and labels that choose the best epoch: that of the highest primary metric, the later
            one where two are equal. Without it the last epoch is the best.
        folder: where `history.jsonl` and `checkpoints/` are written.
        ids: the names of the feed's examples, for errors.
        callbacks: of Keras.
        whole: the model that callbacks are given.
        tuned: what trains of the model; as the settings say, if not given.
        started: may what the model begins with be the best already? It then counts as epoch 0.
    """

    def __init__(
        self,
        spec: Spec,
        model: keras.Model,
        feed: Feed,
        validation: Validation | None,
        training: Training,
        folder: Path,
        *,
        ids: Sequence[str],
        callbacks: Sequence[keras.callbacks.Callback] = (),
        whole: keras.Model | None = None,
        tuned: Tuned | None = None,
        started: bool = False,
    ) -> None:
        self.started = started
        self.spec, self.model, self.feed, self.validation, self.training = spec, model, feed, validation, training
        self.folder, self.ids = folder, ids
        self.checkpoints = subfolder(folder, "checkpoints") if is_chief() else folder / "checkpoints"
        self.places = {path: identity(path) for path in (folder, self.checkpoints)}
        self.callbacks, self.whole = callbacks, whole or model
        size = training.batch_size
        self.total = max(training.epochs * feed.count // size, 1)
        self.ends = [max((epoch + 1) * feed.count // size, 1) for epoch in range(training.epochs)]
        self.trainer = Trainer(spec, model, training, self.total, tuned)
        self.pace, self.saved = 1, time.monotonic()
        found = State.load(self.checkpoints, self.trainer)
        self.state = found or State()
        require(
            self.state.step <= self.total and self.state.epoch <= training.epochs,
            f"The newest checkpoint in '{self.checkpoints}' is not of this run; remove it, or choose another --out.",
        )
        if found:
            print(f"Going on from step {found.step} of {self.total}.")

    def run(self) -> None:
        """Train to the end.

        Raises:
            Interrupted: Ctrl-C or SIGTERM, after a checkpoint was written.
            MMZooError: the loss is not a finite number, whatever the rate; another worker is gone; the disk is full.
        """
        size = self.training.batch_size
        with stop_requests() as asked, records_named():
            progress = Progress(
                self.whole, self.state, self.training.epochs, self.total, size, self.folder, self.callbacks, is_chief()
            )
            try:
                if not self.state.step:
                    self.tell_methods()
                    if self.started and self.validation:
                        self.state.keep(self.worth(self.validate() if is_chief() else {}), self.model.variables)
                    self.save()  # what a loss that is not finite in the first epoch goes back to
                if self.trainer.tuned.size:
                    self.rounds(progress, asked)
                elif not self.state.epoch:  # all was fitted beforehand: it is what it will be
                    self.end_epoch(progress)
                    self.save()
            except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.InternalError) as error:
                if not has_workers():
                    raise
                raise MMZooError(
                    f"Another worker is gone after step {self.state.step}; start all workers again with the same "
                    "command: they go on from the newest checkpoint."
                ) from error
            finally:
                progress.close()
        self.state.put_best(self.model.variables)
        if is_chief() and self.validation and self.trainer.tuned.size:
            print(f"Epoch {self.state.best_epoch} of {self.state.epoch} is kept, the best on the validation records.")

    def rounds(self, progress: Progress, asked: list[int]) -> None:
        """Calls into the graph until the end, or until somebody asks to stop."""
        batches, tries = None, 0
        while self.state.step < self.total and not self.should_stop():
            self.trainer.begin(self.state.epoch)
            batches = batches or self.trainer.batches(self.feed, range(self.state.step, self.total))
            count = min(self.pace, self.ends[self.state.epoch] - self.state.step)
            began = time.monotonic()
            progress.begin_steps(self.state)
            terms, waited = self.trainer.run(batches, count)
            losses = terms.sum(axis=1)
            if not np.isfinite(losses).all():
                tries += 1
                self.go_back(int(np.isfinite(losses).argmin()), losses, tries)
                batches = None
                progress.begin_epoch(self.state)
                continue
            self.state.step += len(losses)
            self.state.losses += terms.tolist()
            progress.end_steps(self.state, len(losses), waited)
            ended = self.state.step >= self.ends[self.state.epoch]
            while self.state.epoch < self.training.epochs and self.state.step >= self.ends[self.state.epoch]:
                self.end_epoch(progress)
            wanted = [bool(asked), progress.stopped, (time.monotonic() - began) / len(losses), 1]
            stop, enough, seconds, workers = added_up(wanted)
            self.pace = int(np.clip(CALL_SECONDS * workers / seconds, 1, self.training.steps_per_execution))
            if ended or stop or time.monotonic() - self.saved > SAVE_SECONDS:
                tries = 0
                self.save()
            if stop:
                where = f"Stopped at step {self.state.step} of {self.total}"
                number = asked[0] if asked else signal.SIGTERM
                raise Interrupted(f"{where}; run the same command again to go on.", number)
            if enough:
                if self.state.losses:  # in the middle of an epoch, which may be the first: what it was worth counts
                    self.end_epoch(progress)
                    self.save()
                return
        if self.should_stop() and is_chief():
            patience, epoch = self.training.patience, self.state.epoch
            print(f"No gain for {patience} epochs; training ends after epoch {epoch}.")

    def end_epoch(self, progress: Progress) -> None:
        """Validate, choose, and lower the rate if it is time."""
        state = self.state
        self.trainer.agree()
        state.epoch += 1
        row: Row = {"epoch": state.epoch, **self.mean_losses()}
        state.losses = []
        with self.trainer.averaged():
            value = float(state.epoch)
            if self.validation:
                row |= self.validate() if is_chief() else {}
                value = self.worth(row)
            settled = all(method.settled(state.step) for method in self.trainer.methods)
            state.keep(value if settled else -np.inf, self.model.variables)
            self.tell_methods()
            if is_chief():
                self.check_folder()
            progress.end_epoch(state, row)
        waited = state.epoch - max(state.best_epoch, state.lowered)
        if self.training.schedule == "plateau" and waited >= PLATEAU:
            state.lowered = state.epoch
            self.trainer.factor.assign(self.trainer.factor * 0.5)
        if state.epoch < self.training.epochs:
            progress.begin_epoch(state)

    def worth(self, row: Mapping[str, float | None]) -> float:
        """The metric that chooses the best epoch, the same on every worker; `row` is what the first has measured."""
        chosen = row[f"val_{monitor(self.spec, self.training, row)}"] if is_chief() else 0.0
        return float(added_up([chosen or 0.0])[0])

    def mean_losses(self) -> dict[str, float]:
        """The mean loss of the epoch's steps, and where it has several terms these beside it; none without steps."""
        if not self.trainer.tuned.size:
            return {}
        terms = np.mean(self.state.losses or [[np.nan]], axis=0)
        parts = {name: float(term) for name, term in zip(self.trainer.gradients.terms, terms, strict=False) if term}
        return {"loss": float(terms.sum()), **(parts if len(parts) > 1 else {})}

    def validate(self) -> dict[str, float]:
        """The loss and the metrics on the validation records, their names with `val_`.

        The loss is that of training as far as the records alone give it: the tasks with their heads, as they are
        weighed by now, and the regularizers of the weights. What hangs on a batch, on draws or on a teacher (contrast,
        attacks, imitation, activity) is not in it.
        """
        assert self.validation is not None
        features, labels = self.validation
        outputs, _, here = self.answers(features, labels)
        targets = keras.tree.map_structure(tf.constant, labels)
        loss = total_loss(self.spec, outputs, targets, tf.constant(here), methods=self.trainer.methods)
        loss += sum(v.regularizer(v) for v in self.model.trainable_variables if v.regularizer is not None)
        answers = to_predictions(self.spec, outputs)
        scores = metrics(self.spec, answers, labels)
        for task in self.spec.tasks:
            known = np.asarray(task.known(labels[task.name]))
            theirs = {name: answers[name][known] for name in task.answer_outputs}
            if failure := task.failure(labels[task.name][known], theirs):
                raise MMZooError(failure)
        return {"val_loss": float(loss), **{f"val_{name}": value for name, value in scores.items()}}

    def tell_methods(self) -> None:
        """Tell the methods that an epoch has ended, or with none yet, that training begins."""

        def answers() -> tuple[LabelledOutputs, LabelledOutputs]:
            assert self.validation is not None, "see TrainingMethod.needs_records"
            seen = self.feed.sample(len(self.validation[0]["present"]))
            return self.answers(*seen), self.answers(*self.validation)

        for method in self.trainer.methods:
            method.end_epoch(self.state.epoch, answers)

    def answers(self, features: dict[str, Tree], labels: dict[str, np.ndarray]) -> LabelledOutputs:
        """What the model puts out for examples, their labels, and which modalities they really have."""
        features = with_given(self.spec, features, labels)
        here = run_model(self.trainer.gradients.presence, features)[PRESENT]
        return LabelledOutputs(run_model(self.model, features), labels, here)

    def go_back(self, index: int, losses: np.ndarray, tries: int) -> None:
        """Back to the last checkpoint with a lower rate; after too many tries the end."""
        failed = self.state.step + index
        loss = f"The loss is {losses[index]} at step {failed + 1}"
        if tries > TRIES:
            names = ", ".join(f"'{self.ids[row]}'" for row in self.feed.examples(failed))
            raise MMZooError(
                f"{loss}, also at an eighth of the learning rate; look at the records of its batch ({names}), or "
                "lower the rate (--set training.learning_rate=...) and train into a new folder."
            )
        self.state = State.load(self.checkpoints, self.trainer) or self.state
        self.trainer.factor.assign(self.trainer.factor * 0.5**tries)
        if is_chief():
            rate = f"1/{2**tries} of the learning rate"
            print(f"{loss}; going on from step {self.state.step} with {rate} (try {tries} of {TRIES}).")

    def save(self) -> None:
        """Write a checkpoint, where it is this worker's to do so."""
        self.saved = time.monotonic()
        self.trainer.agree()
        if is_chief():
            self.check_folder()
            self.state.save(self.checkpoints, self.trainer)

    def check_folder(self) -> None:
        """Raise unless the run's folders are those that it began in: others are not made in their place."""
        for path, place in self.places.items():
            require(
                place == identity(path),
                f"'{path}' was removed or replaced after the training began, which cannot go on without it; start it "
                "again with the same command.",
            )

    def should_stop(self) -> bool:
        """Were there too many epochs without gain?"""
        return 0 < self.training.patience <= self.state.epoch - self.state.best_epoch


def monitor(spec: Spec, training: Training, row: Mapping[str, float | None]) -> str:
    """The name of the metric that chooses the best epoch."""
    scores = [name.removeprefix("val_") for name in row if name.startswith("val_") and name != "val_loss"]
    name = training.monitor or primary(spec)
    if name not in scores:
        raise MMZooError(
            f"The metric '{name}' cannot be measured on the validation records; give others, or monitor another: "
            f"{', '.join(scores)}."
        )
    return name
