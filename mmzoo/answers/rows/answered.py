"""One row an answer: what stands in it, and what the columns are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.answers.rows.conformal import Thresholds, has_sets
from mmzoo.answers.rows.shares import answers_and_shares
from mmzoo.data.decoding import decoded
from mmzoo.data.rereading import Piece
from mmzoo.errors import MMZooError, require
from mmzoo.evaluation.analyses.conformal import sets_of
from mmzoo.evaluation.uncertainty import confidence
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task
from mmzoo.tasks.common.written import writes
from mmzoo.tasks.reconstruction import rebuilds

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal

DIGITS = 6
"""Significant ones of every number: those behind depend on how many records are computed at a time."""

Row = dict[str, Any]


class RowMaker(Protocol):
    """Who makes a row of each record; `mmzoo.answers.written.table` reads the table, and writes and keeps the rows.

    The same records, the same number of them at a time, give the same rows.
    """

    @property
    def spec(self) -> Spec:
        """What is read of the table."""

    @property
    def on_error(self) -> str:
        """What is done about records that cannot be used, see `mmzoo.data.faults.Faults`."""

    @property
    def about(self) -> dict[str, object]:
        """Plain data that tells its rows from those that another makes of the same model and table."""

    def names(self, own: list[str]) -> list[str]:
        """The columns of the rows, in order, of which `own` are the table's; raises if two have one name."""

    def rows(self, piece: Piece, pool: ThreadPoolExecutor) -> tuple[list[Row], list[str]]:
        """The rows of some records, and for each of these what its fault is counted by, "" where it has none."""


@dataclass(frozen=True)
class Answerer:
    """A model, and what is wanted of its answers.

    Args:
        thresholds: for sets and ranges; without them there are none.
        explain: are the shares of the inputs wanted?
        on_error: what is done about records that cannot be used, see `mmzoo.data.faults.Faults`.
    """

    model: Multimodal
    thresholds: Thresholds | None = None
    explain: bool = False
    on_error: str = "error"

    @property
    def spec(self) -> Spec:
        return self.model.spec

    @property
    def about(self) -> dict[str, object]:
        thresholds = self.thresholds.to_json() if self.thresholds is not None else None
        return {"thresholds": thresholds, "explain": self.explain}

    def names(self, own: list[str]) -> list[str]:
        """The columns of the answers, in order.

        Args:
            own: the table's own columns that stand beside.

        Raises:
            MMZooError: two of them have one name.
        """
        return columns_of(own, [name for task in self.spec.tasks for name in self._names_of(task)])

    def _names_of(self, task: Task) -> list[str]:
        start = task.name
        numbers = [f"{start}_{k + 1}" for k in range(task.units)] if task.units > 1 else [start]
        found: list[str] = []
        if task.tags.numeric:
            for name in numbers:
                found += [f"{name}_prediction"]
                found += [f"{name}_low", f"{name}_high"] if self._has_sets(task) else []
        elif task.tags.probabilistic:
            found += [f"{start}_prediction", f"{start}_confidence"]
            found += [f"{start}_set"] if self._has_sets(task) else []
            found += [f"{start}_p_{label}" for label in task.answer_names]
        elif task.tags.texts:
            found += [f"{start}_prediction", f"{start}_log_prob"]
        elif rebuilds(task):
            found += [f"{start}_{column}" for column in task.rebuilding.columns]
        else:
            found += [f"{start}_{name.replace(' ', '_')}" for name in task.answer_names]
        found += [task.uncertainty_name] if task.tags.evidential else []
        if self.explain:
            found += [f"{start}_share_{name}" for name in self.spec.input_names]
        return found

    def _has_sets(self, task: Task) -> bool:
        return self.thresholds is not None and has_sets(task) and task.name in self.thresholds.tasks

    def rows(self, piece: Piece, pool: ThreadPoolExecutor) -> tuple[list[Row], list[str]]:
        records = piece.records
        found = decoded(self.spec, records, self.on_error, pool)
        rows = begun(piece)
        if len(found.rows):
            shares: dict[str, np.ndarray] = {}
            if self.explain:
                outputs, shares = answers_and_shares(self.model, found.inputs)
            else:
                outputs = run_model(self.model, found.inputs)
            self.fill([rows[k] for k in found.rows.tolist()], outputs, found.inputs["present"], shares)
        for row, reason in zip(rows, found.reasons, strict=True):
            row["error"] = reason or None
        return rows, found.causes

    def fill(
        self, rows: list[Row], outputs: dict[str, np.ndarray], present: np.ndarray, shares: dict[str, np.ndarray]
    ) -> None:
        """Put the answers into rows.

        Args:
            outputs: the model's, (N, units) a task.
            present: which inputs each record has, bool (N, M).
            shares: of each task, (N, M); of none where they are not wanted.

        Raises:
            MMZooError: an answer is not a finite number.
        """
        answers = to_predictions(self.spec, outputs)
        subsets = subsets_of(self.spec, present)
        for task in self.spec.tasks:
            for broken in np.flatnonzero(~np.isfinite(answers[task.name]).all(axis=1)):
                raise MMZooError(
                    f"The model's answer to record '{rows[broken]['id']}' is not a finite number; train it again, with "
                    "a lower learning rate."
                )
            uncertainty = task.uncertainty(outputs[task.name])
            sure = confidence(task, answers[task.name]) if task.tags.probabilistic else np.zeros(len(rows))
            for k, (row, answer) in enumerate(zip(rows, answers[task.name], strict=True)):
                limits = self.thresholds.of(task, subsets[k]) if self.thresholds is not None else None
                if task.tags.numeric:
                    row |= self._numbers(task, answer, limits)
                elif task.tags.probabilistic:
                    row |= self._labels(task, answer, limits, float(sure[k]))
                elif writes(task):
                    said = task.readable(answer)
                    row |= {f"{task.name}_prediction": said["text"], f"{task.name}_log_prob": number(said["log_prob"])}
                elif rebuilds(task):
                    if columns := task.rebuilding.columns:  # a picture has no room in a table
                        again = task.readable(answer)
                        assert isinstance(again, dict)
                        row |= {f"{task.name}_{column}": cell_of(again[column]) for column in columns}
                else:
                    named = zip(task.answer_names, answer, strict=True)
                    row |= {f"{task.name}_{name.replace(' ', '_')}": number(value) for name, value in named}
                if uncertainty is not None:
                    row[task.uncertainty_name] = number(np.asarray(uncertainty)[k, 0])
                if task.name in shares:
                    named = zip(self.spec.input_names, shares[task.name][k], strict=True)
                    row |= {f"{task.name}_share_{name}": number(share) for name, share in named}
        for row, subset in zip(rows, subsets, strict=True):
            row["inputs"] = subset

    def _numbers(self, task: Task, answer: np.ndarray, limits: list[float] | None) -> Row:
        names = [f"{task.name}_{k + 1}" for k in range(task.units)] if task.units > 1 else [task.name]
        row: Row = {}
        low, high = ranges_of(task, answer, np.inf if limits is None else np.array(limits)).tolist()
        for k, name in enumerate(names):
            row[f"{name}_prediction"] = number(answer[k])
            if self._has_sets(task):
                row |= {f"{name}_low": number(low[k]), f"{name}_high": number(high[k])}
        return row

    def _labels(self, task: Task, answer: np.ndarray, limits: list[float] | None, sure: float) -> Row:
        labels = task.answer_names
        likeliest = int(task.likeliest(answer[None])[0])
        if task.tags.exclusive:
            said: object = labels[likeliest]
        else:
            said = [label for label, share in zip(labels, answer, strict=True) if share > 0.5]
        row: Row = {f"{task.name}_prediction": said, f"{task.name}_confidence": number(sure)}
        if self._has_sets(task):
            # Without a threshold of this subset of the inputs nothing is promised.
            row[f"{task.name}_set"] = None
            if limits is not None:
                (kept,) = sets_of(task, answer[None], limits[0])
                row[f"{task.name}_set"] = [label for label, here in zip(labels, kept, strict=True) if here]
        return row | {f"{task.name}_p_{label}": number(share) for label, share in zip(labels, answer, strict=True)}


def ranges_of(task: Task, answer: np.ndarray, half: np.ndarray | float) -> np.ndarray:
    """The range of each number of an answer (K,), float (2, K), so far to either side of it on the task's scale.

    Args:
        half: of each (K,), or one for all; infinite where nothing is promised.
    """
    middle, finite = task.on_scale(answer), np.isfinite(half)
    reach = np.where(finite, half, 0.0)
    ends = [task.off_scale(middle - reach), task.off_scale(middle + reach)]
    return np.where(finite, ends, [[-np.inf], [np.inf]])


def columns_of(own: Sequence[str], made: Sequence[str]) -> list[str]:
    """All columns of a file of answers, in order.

    Args:
        own: the table's own columns that stand beside what is `made` of each record.

    Raises:
        MMZooError: two of them have one name.
    """
    found = ["id", *own, *made, "inputs", "error"]
    for name, count in Counter(found).items():
        require(
            count == 1,
            f"The answers would have two columns called '{name}'; leave that of the table out, or rename it.",
        )
    return found


def begun(piece: Piece) -> list[Row]:
    """A row for each record, with what the table says of it."""
    rows: list[Row] = [{"id": record} for record in piece.records.ids]
    for column, values in piece.own.items():
        for row, value in zip(rows, values, strict=True):
            row[column] = plain(value)
    return rows


def subsets_of(spec: Spec, present: np.ndarray) -> list[str]:
    """The inputs that each record has, of bool (N, M), as "image+name"."""
    return [
        "+".join(name for name, here in zip(spec.input_names, each, strict=True) if here) for each in present.tolist()
    ]


def cell_of(value: object) -> Raw:
    """A cell of a rebuilt row as an answer has it."""
    if isinstance(value, list):
        return ", ".join(value)
    return number(value) if isinstance(value, float) else value


def number(value: float) -> float | None:
    """A number with `DIGITS` significant digits; None for one that is not finite."""
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None


def plain(value: object) -> Raw:
    """A cell of a table as an answer has it beside: a text, a number, true or false, or nothing."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, (bytes, np.ndarray)):
        return f"({type(value).__name__} of {len(value):,})"
    return str(value)
