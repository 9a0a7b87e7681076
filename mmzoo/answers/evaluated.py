"""The answers of an evaluation beside the labels, as a file that spreadsheets and scripts read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from mmzoo.answers.conformal import Thresholds
from mmzoo.answers.formats import write_rows
from mmzoo.answers.rows import Answerer, Row, number
from mmzoo.evaluation.evaluate import Evaluation
from mmzoo.reports.report import ANSWERS
from mmzoo.tasks.base import Task


def write_evaluated(
    folder: Path, model: keras.Model, result: Evaluation, ids: Sequence[str], thresholds: Thresholds | None
) -> None:
    """Write answers.csv into a run's folder: of each record its id, its labels under the names of the tasks, and what
    `mmzoo predict` says of it."""
    answerer = Answerer(model, thresholds)
    found = result.subset_predictions
    rows: list[Row] = [{"id": record} for record in ids]
    asked = [task for task in result.spec.tasks if task.target == "label"]
    for task in asked:
        for row, label, known in zip(rows, found.labels[task.name], found.known(task), strict=True):
            row[task.name] = label_of(task, label) if known else None
    answerer.fill(rows, found.outputs[result.everything], found.present, {})
    columns = answerer.names([task.name for task in asked])
    write_rows(folder / ANSWERS, columns[:-1], lambda: [rows])  # no record is left that has an error


def label_of(task: Task, label: np.ndarray) -> object:
    """An encoded label as it stands in a row: a name, a list of names, or numbers."""
    if task.tags.numeric:
        numbers = [number(each) for each in np.atleast_1d(label)]
        return numbers[0] if len(numbers) == 1 else numbers
    if task.tags.probabilistic and not task.tags.exclusive:
        return [name for name, given in zip(task.answer_names, label, strict=True) if given]
    return task.label_text(label)
