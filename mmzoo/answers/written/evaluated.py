"""The answers of an evaluation beside the labels, as a file that spreadsheets and scripts read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np

from mmzoo.answers.pieces import MOST
from mmzoo.answers.rows.answered import Answerer, Row, number
from mmzoo.answers.rows.conformal import Thresholds
from mmzoo.answers.written.formats import write_rows
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
    asked = [task for task in result.spec.tasks if task.target == "label"]
    known = {task.name: found.known(task) for task in asked}
    outputs = found.outputs[result.everything]

    def blocks() -> Iterator[list[Row]]:
        for start in range(0, len(ids), MOST):
            place = slice(start, start + MOST)
            rows: list[Row] = [{"id": record} for record in ids[place]]
            for task in asked:
                pairs = zip(found.labels[task.name][place], known[task.name][place], strict=True)
                for row, (label, there) in zip(rows, pairs, strict=True):
                    row[task.name] = label_of(task, label) if there else None
            answerer.fill(rows, {name: each[place] for name, each in outputs.items()}, found.present[place], {})
            yield rows

    columns = answerer.names([task.name for task in asked])
    write_rows(folder / ANSWERS, columns[:-1], blocks)  # no record is left that has an error


def label_of(task: Task, label: np.ndarray) -> object:
    """An encoded label as it stands in a row: a name, a list of names, or numbers."""
    if task.tags.numeric:
        numbers = [number(each) for each in np.atleast_1d(label)]
        return numbers[0] if len(numbers) == 1 else numbers
    if task.tags.probabilistic and not task.tags.exclusive:
        return [name for name, given in zip(task.answer_names, label, strict=True) if given]
    return task.label_text(label)
