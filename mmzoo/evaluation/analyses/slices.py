"""Where the mistakes are: by slice of the records."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, TypedDict

import numpy as np

from mmzoo.data.records import Records
from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import Analysis
from mmzoo.evaluation.blocks import Block, Cell, Table
from mmzoo.evaluation.languages import languages
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.evaluation.statistics import interval
from mmzoo.messages.words import decimal
from mmzoo.modalities.tabular.cells import is_missing
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task

MOST_SLICES = 30  # different values of a column that is sliced as it is; numbers beyond that are cut in quarters
LEAST_RECORDS = 5  # of a slice
SHOWN = 12  # on the page; metrics.json has them all


class Slice(TypedDict):
    """The records that share a value of a column: how many, their mean score, and its 95 % interval."""

    column: str
    value: str
    count: int
    score: float
    low: float
    high: float


@analyses.register("slices", section="mistakes")
class Slices(Analysis):
    """The mean score of the records that share a value of a column."""

    place: ClassVar[int] = 40

    def applies(self, result: TaskEvaluation) -> bool:
        return True

    def compute(self, result: TaskEvaluation) -> list[Slice]:
        present, score = result.subset_predictions.present, np.nan_to_num(result.scores[result.everything])
        return slices(result.spec, result.task, result.records, present, result.known, score)

    def draw(self, found: list[Slice], result: TaskEvaluation) -> list[Block]:
        if not found:
            return []
        score = result.task.score_words if result.task.greater_is_better else "− error"
        rows: list[list[Cell]] = [
            [
                f"{row['column']}: {row['value']}",
                row["score"],
                f"{decimal(row['low'])} to {decimal(row['high'])}",
                row["count"],
            ]
            for row in found[:SHOWN]
        ]
        heads = ["slice", score, "95 %", "records"]
        return [Table(heads, rows, "slices of the records", "By slice of the records, worst first")]


def slices(
    spec: Spec, task: Task, records: Records, present: np.ndarray, known: np.ndarray, score: np.ndarray
) -> list[Slice]:
    """The mean of `score` over the records that share a value of a column, worst first.

    Columns are all that are neither an input nor what the task's answer is held against, the set of modalities a
    record has, and the languages of texts.

    Args:
        present: bool (N, M).
        known: bool (N,), which records count; `score` is theirs.
    """
    names = np.array(spec.input_names)
    different, which = np.unique(present, axis=0, return_inverse=True)
    called = ["+".join(names[here]) for here in different]
    columns: dict[str, Sequence[object]] = {"modalities": [called[k] for k in which.ravel().tolist()]}
    skipped = {*spec.input_names, task.column}
    columns |= {name: column for name, column in records.columns.items() if name not in skipped}
    texts = [item.name for item in spec.inputs if item.is_text and item.name in records.columns]
    for name in texts:
        found = languages(records.column(name))
        if len({each for each in found if each.isalpha()}) > 1:
            columns[f"language of {name}"] = found
    rows: list[Slice] = []
    for name, column in columns.items():
        groups = grouped([column[int(k)] for k in np.flatnonzero(known)])
        for value, places in groups.items() if len(groups) > 1 else ():
            if len(places) >= LEAST_RECORDS:
                low, high = interval(score[places])
                mean = float(score[places].mean())
                rows.append(
                    {"column": name, "value": value, "count": len(places), "score": mean, "low": low, "high": high}
                )
    return sorted(rows, key=lambda row: row["score"])


def grouped(values: Sequence[object]) -> dict[str, np.ndarray]:
    """The places of each value; of numbers with many values, of each quarter; nothing where that makes no groups."""
    plain = (str, bool, int, float, np.bool_, np.integer, np.floating)
    if not all(value is None or isinstance(value, plain) for value in values):
        return {}
    missing = np.array([is_missing(value) for value in values], bool)
    texts = ["(missing)" if gone else str(value) for gone, value in zip(missing, values, strict=True)]
    if len({*texts}) > MOST_SLICES:
        if any(isinstance(value, str) for value in values):
            return {}
        numbers = np.array([float("nan") if gone else float(str(v)) for gone, v in zip(missing, values, strict=True)])
        edges = np.unique(np.percentile(numbers[~missing], [0, 25, 50, 75, 100]))
        quarter = np.searchsorted(edges[1:-1], numbers, side="right")
        spans = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
        texts = ["(missing)" if gone else spans[k] for gone, k in zip(missing, quarter, strict=True)]
    places = {text: place for place, text in enumerate(sorted({*texts}))}
    which = np.array([places[text] for text in texts], np.int32)
    return {text: np.flatnonzero(which == place) for text, place in places.items()}
