"""Where the mistakes are: by class, by slice of the records, by size of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from mmzoo.data.records import Records
from mmzoo.evaluation.statistics import interval
from mmzoo.modalities.tabular.cells import is_missing
from mmzoo.spec import Spec
from mmzoo.tasks import Task

MOST_SLICES = 30  # different values of a column that is sliced as it is; numbers beyond that are cut in quarters
LEAST_RECORDS = 5  # of a slice


def confusion(task: Task, labels: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """How often each label (rows) is answered as each (columns), int (K, K)."""
    from sklearn.metrics import confusion_matrix

    return np.asarray(confusion_matrix(labels, answers.argmax(axis=1), labels=np.arange(len(task.answer_names))))


def by_class(task: Task, labels: np.ndarray, answers: np.ndarray) -> list[dict[str, Any]]:
    """Precision, recall, F1 and count of each label, worst F1 first; for many labels at once also average precision.

    None stands for a share of nothing: the precision of a label never given, the recall of one that does not occur.
    """
    from sklearn.metrics import average_precision_score, precision_recall_fscore_support

    single = task.tags.exclusive
    right, given = (labels, answers.argmax(axis=1)) if single else (labels > 0.5, answers > 0.5)
    found = precision_recall_fscore_support(
        right, given, labels=np.arange(len(task.answer_names)), zero_division=np.nan
    )
    rows = []
    for k, label in enumerate(task.answer_names):
        shares = {
            name: number_of(values[k]) for name, values in zip(("precision", "recall", "f1"), found, strict=False)
        }
        row: dict[str, Any] = {"label": label, **shares, "count": int(found[3][k])}
        if not single:
            some = bool(right[:, k].any())
            row["average_precision"] = float(average_precision_score(right[:, k], answers[:, k])) if some else None
        rows.append(row)
    return sorted(rows, key=lambda row: (row["f1"] is None, row["f1"] or 0.0))


def number_of(share: float) -> float | None:
    """A share, None where it is one of nothing."""
    return None if np.isnan(share) else float(share)


def residuals(labels: np.ndarray, answers: np.ndarray) -> list[dict[str, Any]]:
    """For each target of a regression: bias, deviation, and the quantiles of answer minus truth."""
    errors = answers - labels
    return [
        {
            "bias": float(error.mean()),
            "rmse": float(np.sqrt((error**2).mean())),
            "quantiles": dict(zip(("5", "50", "95"), np.percentile(error, [5, 50, 95]).tolist(), strict=True)),
        }
        for error in errors.T
    ]


def slices(
    spec: Spec, task: Task, records: Records, present: np.ndarray, known: np.ndarray, score: np.ndarray
) -> list[dict[str, Any]]:
    """The mean of `score` over the records that share a value of a column, worst first.

    Columns are all that are neither an input nor what the task's answer is held against, and the set of modalities a
    record has.

    Args:
        present: bool (N, M).
        known: bool (N,), which records count; `score` is theirs.
    """
    names = np.array(spec.input_names)
    columns: dict[str, Sequence[Any]] = {"modalities": ["+".join(names[here]) for here in present]}
    skipped = {*spec.input_names, task.column}
    columns |= {name: column for name, column in records.columns.items() if name not in skipped}
    rows = []
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


def grouped(values: Sequence[Any]) -> dict[str, np.ndarray]:
    """The places of each value; of numbers with many values, of each quarter; nothing where that makes no groups."""
    plain = (str, bool, int, float, np.bool_, np.integer, np.floating)
    if not all(value is None or isinstance(value, plain) for value in values):
        return {}
    missing = np.array([is_missing(value) for value in values], bool)
    texts = np.array(["(missing)" if gone else str(value) for gone, value in zip(missing, values, strict=True)])
    if len(np.unique(texts)) > MOST_SLICES:
        if any(isinstance(value, str) for value in values):
            return {}
        numbers = np.array([float("nan") if gone else float(v) for gone, v in zip(missing, values, strict=True)])
        edges = np.unique(np.percentile(numbers[~missing], [0, 25, 50, 75, 100]))
        quarter = np.searchsorted(edges[1:-1], numbers, side="right")
        spans = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
        texts = np.array(["(missing)" if gone else spans[k] for gone, k in zip(missing, quarter, strict=True)])
    return {str(text): np.flatnonzero(texts == text) for text in np.unique(texts)}
