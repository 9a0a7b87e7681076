"""Records of a stream as a step takes them: decoded, labelled, and filled up to a batch."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from mmzoo.aliases import Raw, Tensor
from mmzoo.data.decoding import decoded, note
from mmzoo.data.rereading import Reread
from mmzoo.data.streams.arriving import Arrived
from mmzoo.data.tally import Counted, tally_of
from mmzoo.errors import DataError, MMZooError
from mmzoo.labels import encoded_label
from mmzoo.messages.words import one_line
from mmzoo.modalities.tabular.cells import is_missing
from mmzoo.tasks.base import Task
from mmzoo.tasks.question import Label
from mmzoo.training.loss import stand_in

NAMED = 100
"""New classes that are named."""
KEPT = 20
"""Records of a new class that are kept for a head that has it."""

Line = dict[str, Raw] | DataError
Placed = tuple[str, Line]
"""A place and its row; a list of both where it was in a checkpoint."""


@dataclass(frozen=True)
class Usable:
    """Those of some records that can be used.

    Args:
        inputs: each input (K, *shape), and `present` bool (K, M).
        labels: by task, (K, ...).
        rows: which of the records these are, (K,).
    """

    inputs: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def select(self, kept: np.ndarray) -> Usable:
        """Those at places, or under a mask."""
        return Usable(
            {name: array[kept] for name, array in self.inputs.items()},
            {name: label[kept] for name, label in self.labels.items()},
            self.rows[kept],
        )

    def known(self, tasks: Sequence[Task]) -> np.ndarray:
        """Which have a label of one of the tasks, bool (K,)."""
        found: np.ndarray = np.any([np.asarray(task.known(self.labels[task.name])) for task in tasks], axis=0)
        return found


@dataclass
class Decoder:
    """Makes lines into examples, and counts what cannot be used.

    Args:
        reread: how cells are read, with labels.
        on_error: see `mmzoo.data.faults.Faults`.
        new_classes: see `mmzoo.training.streaming.state.Streaming`; without "stop" they count as no label.
        named: the classes that were named.
        late: where they are kept, some records of each, by class.
        strangers: how many records there were of classes that are not known, since whoever reads it set it to 0.
    """

    reread: Reread
    pool: ThreadPoolExecutor
    on_error: str
    new_classes: str = "ignore"
    named: list[str] = field(default_factory=list)
    late: dict[str, list[Placed]] = field(default_factory=dict)
    strangers: int = 0

    def __call__(self, rows: Sequence[Line], places: list[str], *, again: bool = False) -> tuple[Usable, Counted]:
        """Those that can be used, and a tally of the others.

        Args:
            again: were they decoded before? What was said then is not said again.

        Raises:
            DataError: `on_error` is "error", and one cannot be used; or a class is new that is the end.
        """
        spec, on_error = self.reread.spec, "skip" if again else self.on_error
        records = self.reread.piece(rows, places, "The stream").records
        found = decoded(spec, records, on_error, self.pool)
        kept = np.ones(len(found.rows), bool)
        labels: dict[str, np.ndarray] = {}
        for task in spec.tasks:
            column, made = records.column(task.name), []
            for k, row in enumerate(found.rows.tolist()):
                try:
                    made.append(self._label(task, column[row], places[row], rows[row]))
                except MMZooError as error:
                    note(places[row], row, error, found.reasons, found.causes, on_error)
                    made.append(task.missing_label)
                    kept[k] &= on_error == "mask"
            like = np.asarray(task.missing_label)
            labels[task.name] = np.array(made, like.dtype).reshape(-1, *like.shape)
        told = [{"id": place, "error": reason} for place, reason in zip(places, found.reasons, strict=True)]
        return Usable(found.inputs, labels, found.rows).select(kept), tally_of(told, found.causes)

    def _label(self, task: Task, value: object, place: str, line: Line) -> Label:
        if is_missing(value):
            return task.missing_label
        try:
            return encoded_label(task, value)
        except DataError as error:
            if isinstance(value, DataError) or not task.tags.probabilistic:
                raise
            said = f"{place}: {one_line(error)}"
            if self.new_classes == "stop":
                raise MMZooError(f"A class is new in {said} Train anew with a longer --warm-up to have it.") from error
            self.strangers += 1
            name = f"{task.name}={value}"
            if name not in self.named and len(self.named) < NAMED:
                self.named.append(name)
                remedy = "train anew with a longer --warm-up, or with --new-classes grow"
                if self.new_classes == "grow":
                    remedy = f"up to {KEPT} of them are kept, for a head that has it too in the end"
                said = f"{said} Its records are answered and not learnt from; {remedy}."
                logging.getLogger("mmzoo").warning("A class is new in %s", said)
            if self.new_classes == "grow" and name in self.named and task.tags.exclusive:
                kept = self.late.setdefault(name, [])
                if len(kept) < KEPT:
                    kept.append((place, line))
            return task.missing_label


def filled(parts: Sequence[Usable], size: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """A batch of `size` rows: inputs, labels and weights, of rows that only fill it up 0."""
    count = sum(map(len, parts))
    rows = np.arange(size)
    rows[count:] = 0  # a row that there is: of one of nothing the loss might be no number

    def joined(arrays: list[np.ndarray]) -> np.ndarray:
        return np.concatenate(arrays)[rows]

    inputs = {name: joined([part.inputs[name] for part in parts]) for name in parts[0].inputs}
    labels = {name: joined([part.labels[name] for part in parts]) for name in parts[0].labels}
    return inputs, labels, (np.arange(size) < count).astype(np.float32)


def losses_of(tasks: Sequence[Task], outputs: dict[str, Tensor], labels: dict[str, np.ndarray]) -> np.ndarray:
    """The loss of each record, float (B,): the sum over the tasks, of those whose label it has."""
    total = np.zeros(len(labels[tasks[0].name]))
    for task in tasks:
        known, targets = stand_in(task, tf.constant(labels[task.name]))
        lost = np.asarray(task.loss(targets, tf.constant(outputs[task.loss_output])))
        total += task.weight * np.where(known, lost, 0.0)
    return total


def joined(parts: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Arrays by name, one behind the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def line_of(number: int, arrived: Arrived) -> bytes:
    """A record as the reservoir has it."""
    try:
        return json.dumps([number, arrived.place, arrived.row]).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise MMZooError(
            f"A value in {arrived.place} is none that JSON can hold ({error}), so it cannot be kept to be learnt "
            "again; give paths, texts, numbers and lists, or replay=0."
        ) from error
