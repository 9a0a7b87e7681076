"""One row a record of a table, with what it lacks filled in by what a model rebuilds, and how sure that is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from mmzoo.answers.rows.answered import Row, begun, columns_of, number, subsets_of
from mmzoo.data.decoding import decoded
from mmzoo.data.records import Records, decode
from mmzoo.data.rereading import Piece
from mmzoo.errors import require
from mmzoo.files import write_file
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.modalities.tabular import Tabular
from mmzoo.modalities.tabular.cells import is_missing
from mmzoo.modalities.tabular.rebuilding import Cells
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task
from mmzoo.tasks.reconstruction import Reconstruction

if TYPE_CHECKING:
    from mmzoo.decoding import WrittenText
    from mmzoo.graph.build import Multimodal

LOOKED_AT = 256
"""Records that errors are measured on."""
ERROR, PROBABILITY, LOG_PROB = "_error", "_probability", "_log_prob"


class Imputer:
    """A model that rebuilds inputs; a `RowMaker`.

    A cell that is empty in a row of a table is filled; beside it stands how sure that is: of a number the error that is
    usual, see `usual_errors`, of a category its probability, of a text that a task writes its log-probability. A
    picture, a sound or a series that a record lacks is written as a file, whose path, from the folder of the answers
    on, stands in its column.

    Args:
        folder: of the files.
        columns: by input, the column of the table that names its files; by task, that of its label.
        errors: what `usual_errors` gives.
        on_error: what is done about records that cannot be used, see `mmzoo.data.faults.Faults`.

    Raises:
        MMZooError: the model rebuilds nothing, and writes nothing.
    """

    def __init__(
        self,
        model: Multimodal,
        folder: Path,
        columns: dict[str, str],
        errors: dict[str, float],
        on_error: str = "error",
    ) -> None:
        self.model, self.folder, self.errors, self.on_error = model, folder, errors, on_error
        self.columns, self.tasks = columns, tasks_of(model.spec)
        self.texts = [task for task in model.spec.tasks if task.tags.texts]
        require(
            self.tasks or self.texts,
            "The model rebuilds no input, so that nothing can be filled in; train one with mmzoo.Reconstruction (of a "
            "table: mmzoo train TABLE --task reconstruction), or of texts with mmzoo.TextAnswer.",
        )

    @property
    def spec(self) -> Spec:
        return self.model.spec

    @property
    def about(self) -> dict[str, object]:
        return {"filled": str(self.folder), "errors": self.errors}

    def names(self, own: list[str]) -> list[str]:
        made = []
        for task in self.tasks:
            filled = task.rebuilding.columns or [self.columns[task.input]]
            made += [column for column in filled if column not in own]
            made += [self._sure(task, column) for column in filled]
        for text in self.texts:
            column = self.columns[text.name]
            made += [column] * (column not in own) + [f"{column}{LOG_PROB}"]
        return columns_of(own, made)

    def _sure(self, task: Reconstruction, column: str) -> str:
        """The column that says how sure a column is."""
        words = task.rebuilding.columns and column not in numbers_of(task)
        return f"{column}{PROBABILITY if words else ERROR}"

    def rows(self, piece: Piece, pool: ThreadPoolExecutor) -> tuple[list[Row], list[str]]:
        found = decoded(self.spec, piece.records, self.on_error, pool)
        rows, places = begun(piece), found.rows.tolist()
        if places:
            present = found.inputs["present"]
            answers = to_predictions(self.spec, run_model(self.model, found.inputs))
            for task in self.tasks:
                there = present[:, self.spec.input_names.index(task.input)]
                for k, place in enumerate(places):
                    answer, row = answers[task.name][k], rows[place]
                    if task.rebuilding.columns:
                        self._fill_row(task, row, answer, found.inputs[task.input][k] if there[k] else None)
                    elif not there[k]:
                        row |= self._file(task, row["id"], answer)
            for text in self.texts:
                self._write(text, [rows[place] for place in places], answers[text.name])
            for place, subset in zip(places, subsets_of(self.spec, present), strict=True):
                rows[place]["inputs"] = subset
        for row, reason in zip(rows, found.reasons, strict=True):
            row["error"] = reason or None
        return rows, found.causes

    def _fill_row(self, task: Reconstruction, row: Row, answer: np.ndarray, example: np.ndarray | None) -> None:
        """Fill the cells of a row that are empty: of all, where the record has no `example`."""
        made = cast("Cells", task.rebuilding)
        item = made.item
        lacking = item.lacking(item.absent if example is None else example)
        best, sure = task.cells.likeliest(answer), task.cells.probabilities(answer)
        said = made.readable(best)
        for place, column in enumerate(item.columns):
            if not lacking[place]:
                continue
            value = said[column]
            row[column] = number(value) if isinstance(value, float) else value
            if isinstance(value, list):
                mark = item.delimiters[item.multi_categories.index(column)]
                row[column] = f"{mark} ".join(value)
            error = self.errors.get(column) if column in numbers_of(task) else float(sure[item.owners == place].mean())
            row[self._sure(task, column)] = None if error is None else number(error)

    def _write(self, task: Task, rows: Sequence[Row], answers: np.ndarray) -> None:
        """Write the texts that records lack."""
        column = self.columns[task.name]
        for row, answer in zip(rows, answers, strict=True):
            if is_missing(row.get(column)):
                said = cast("WrittenText", task.readable(answer))
                row |= {column: said["text"], f"{column}{LOG_PROB}": number(said["log_prob"])}

    def _file(self, task: Reconstruction, record: str, answer: np.ndarray) -> Row:
        """Write what an input would be; the cells that say where, and how sure that is."""
        ending, data = task.rebuilding.to_file(task.cells.likeliest(answer))
        plain = re.sub(r"[^A-Za-z0-9]+", "-", record).strip("-")[:40]
        mark = hashlib.sha256(record.encode("utf-8", "replace")).hexdigest()[:12]
        self.folder.mkdir(exist_ok=True)
        name = f"{task.input}-{plain}-{mark}{ending}"
        write_file(self.folder / name, data)
        column, error = self.columns[task.input], self.errors.get(task.input)
        return {column: f"{self.folder.name}/{name}", f"{column}{ERROR}": None if error is None else number(error)}


def tasks_of(spec: Spec) -> list[Reconstruction]:
    """The tasks that rebuild an input, the first of each."""
    found: dict[str, Reconstruction] = {}
    for task in spec.tasks:
        if isinstance(task, Reconstruction):
            found.setdefault(task.input, task)
    return [*found.values()]


def row_of(task: Reconstruction) -> Tabular:
    """The input that a task rebuilds, which is a row of a table."""
    assert isinstance(task.item, Tabular)
    return task.item


def numbers_of(task: Reconstruction) -> Sequence[str]:
    """The columns of a row whose cells are numbers, or dates."""
    item = row_of(task)
    return (*item.numbers, *item.dates)


def usual_errors(model: Multimodal, records: Records) -> dict[str, float]:
    """How far what is filled in is off, by column of numbers and by input that is no row of a table.

    The root of the mean squared error of a column (of a date in days), when its own cell is taken from up to 256
    records and rebuilt from all else that these have; of an input the mean squared error in deviations, when it is
    taken away. Of what no record has, nothing.
    """
    spec: Spec = model.spec
    rows = np.linspace(0, len(records) - 1, min(len(records), LOOKED_AT)).astype(int)
    inputs = decode(spec, records.select(rows.tolist()))
    found: dict[str, float] = {}
    for task in tasks_of(spec):
        place, given = spec.input_names.index(task.input), inputs[task.input]
        others = inputs["present"].sum(axis=1) > inputs["present"][:, place]  # that have something else
        if not task.rebuilding.columns:
            labels = np.stack([task.missing_label] * len(rows))
            for k in np.flatnonzero(inputs["present"][:, place]):
                labels[k] = task.encode(records.column(task.input)[rows[k]])
            known = np.asarray(task.known(labels)) & others
            present = inputs["present"].copy()
            present[:, place] = False
            if known.any():
                answers = rebuilt(model, {**inputs, "present": present}, task)
                found[task.input] = float(-task.score(labels[known], answers[known]).mean())
            continue
        item = row_of(task)
        for column in numbers_of(task):
            cells = item.owners == item.columns.index(column)
            wanted = given[:, cells][:, 0]
            known = inputs["present"][:, place] & np.isfinite(wanted)
            if known.any():
                answers = rebuilt(model, {**inputs, task.input: np.where(cells, item.absent, given)}, task)
                said = np.stack([task.cells.likeliest(answer) for answer in answers])[:, cells][:, 0]
                found[column] = float(np.sqrt(((said - wanted)[known] ** 2).mean()))
    return found


def rebuilt(model: Multimodal, inputs: dict[str, np.ndarray], task: Reconstruction) -> np.ndarray:
    """A task's predictions (N, units)."""
    return to_predictions(model.spec, run_model(model, inputs))[task.name]
