"""The labels of records as the losses of tasks take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import DataError, MMZooError, require
from mmzoo.fingerprints import groups
from mmzoo.messages.truncation import count_truncations
from mmzoo.modalities.tabular.cells import is_missing
from mmzoo.tasks.base import Task
from mmzoo.tasks.question import Label


class Labelled(Protocol):
    """Records, as far as their labels are concerned: each has a name, and there are columns for the tasks."""

    ids: Sequence[str]

    def __len__(self) -> int: ...

    def column(self, name: str) -> Sequence[object]: ...


def encode_labels(
    tasks: Sequence[Task], records: Labelled, *, unlabelled: bool = False, unasked: bool = False
) -> dict[str, np.ndarray]:
    """The labels of all records, encoded, by task; None, an empty string or NaN is a label that is missing.

    Of a task whose target is the batch they are groups of records that are alike, see `Task.group_columns`.

    Args:
        unlabelled: may records have no label at all?
        unasked: may a task have no label at all?

    Raises:
        MMZooError: a label is unknown, or a record has none at all; names the record.
    """
    labels = {}
    given = np.zeros(len(records), bool)
    for task in tasks:
        if task.column is None:
            given[:] = True
            labels[task.name] = np.zeros((len(records), len(task.group_columns)), np.int32)
            for place, name in enumerate(task.group_columns):
                labels[task.name][:, place] = groups(records.column(name))
            missing = task.lacking(labels[task.name]) if not unasked else ""
            require(not missing, missing)
            continue
        column = records.column(task.column)
        encoded: list[Label | None] = []
        with count_truncations(task.name, task.kind, len(records)):
            for row, value in enumerate(column):
                if is_missing(value):
                    encoded.append(None)
                    continue
                given[row] = True
                try:
                    encoded.append(encoded_label(task, value))
                except DataError as error:
                    raise DataError(f"Record '{records.ids[row]}': {error}", error.cause) from error
        require(
            unasked or any(label is not None for label in encoded),
            f"No record has a label for task '{task.name}'; give some, or leave the task out.",
        )
        labels[task.name] = np.stack([task.missing_label if label is None else label for label in encoded])
    for empty in np.flatnonzero(~given & (not unlabelled)).tolist():
        names = ", ".join(task.name for task in tasks)
        count = int(np.sum(~given))
        others = f" ({count} of {len(records)} have none)" if count > 1 else ""
        raise MMZooError(
            f"Record '{records.ids[empty]}' has no label for {names}{others}; give one, or leave such records out."
        )
    return labels


def encoded_label(task: Task, value: Raw) -> Label:
    """A label as a loss takes it.

    Raises:
        DataError: it is none of the task's, or stands for a cell that cannot be used.
    """
    if isinstance(value, DataError):
        raise value
    try:
        return task.encode(value)
    except DataError:
        raise
    except MMZooError as error:
        raise DataError(str(error), "bad_label") from error
