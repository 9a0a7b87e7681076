"""The proof of an export: one row of figures a variant, and whether it keeps its limit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from mmzoo.data.records import Records, decode
from mmzoo.errors import MMZooError
from mmzoo.export.formats.base import Format, Variant
from mmzoo.export.rows import Row, TaskFigures
from mmzoo.inference.metrics import metrics
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.labels import encode_labels
from mmzoo.spec import Spec

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal

DROP = 0.01
"""The largest loss in the task's metric of a variant that need not be exact: one point, a hundredth of its range."""
CLOSE = 0.01
"""The largest difference of an answer of such a variant where the records have no labels to tell by."""

Predictions = dict[str, np.ndarray]


class Proof:
    """The model's own answers to the first records, against which every variant of a format is held."""

    def __init__(self, model: Multimodal, records: Records, form: Format) -> None:
        self.model, self.form = model, form
        self.spec: Spec = model.spec
        records = records.take(form.examples)
        self.ids, self.inputs = records.ids, decode(self.spec, records)
        self.predictions = to_predictions(self.spec, run_model(model, self.inputs))
        labelled = form.has_metric() and all(task.column in records.columns for task in self.spec.tasks if task.column)
        self.labels = encode_labels(self.spec.tasks, records) if labelled else None

    def metrics(self, answers: Predictions, found: Predictions) -> list[TaskFigures]:
        """Of each task its primary metric with what was found, and how much the model's own answers are better.

        Both are None without labels.
        """
        wanted, given = ({} if self.labels is None else metrics(self.spec, a, self.labels) for a in (answers, found))
        rows: list[TaskFigures] = []
        for task in self.spec.tasks:
            name = self.spec.metric_name(task, task.primary_metric)
            before, after = wanted.get(name), given.get(name)
            drop = None if before is None or after is None else round((before - after) / task.metric_range, 6)
            rows.append({"metric_name": name, "metric": after, "metric_drop": drop})
        return rows

    def row(self, variant: str, path: Path) -> Row:
        """The figures of what was written; of several tasks the metric of the one that loses most, and each in `tasks`.

        Raises:
            MMZooError: it cannot be run, or it answers with numbers that are not finite.
        """
        asked = self.form.asked(variant, self.spec, self.inputs)
        answers = self.predictions if asked is self.inputs else to_predictions(self.spec, run_model(self.model, asked))
        found, figures = self.form.run(variant, path, self.spec, self.inputs)
        worst, total, count, equal = 0.0, 0.0, 0, []
        differences: list[TaskFigures] = []
        for task in self.spec.tasks:
            wanted, given = answers[task.name], found[task.name]
            finite = np.isfinite(given).reshape(len(given), -1).all(axis=1)
            if not finite.all():
                name = self.ids[int(np.argmin(finite))]
                raise MMZooError(f"The variant '{variant}' answers record '{name}' with numbers that are not finite.")
            off = task.difference(given, wanted)
            worst, total, count = max(worst, float(off.max())), total + float(off.sum()), count + off.size
            equal.append(given.argmax(axis=-1) == wanted.argmax(axis=-1))
            differences.append(
                {
                    "max_abs_diff": float(off.max()),
                    "mean_abs_diff": float(off.mean()),
                    "top1_agreement": float(np.mean(equal[-1])),
                }
            )
        lost: list[TaskFigures] = [{} for _ in self.spec.tasks]
        if self.form.has_metric():
            lost = self.metrics(answers, found)
        each: dict[str, TaskFigures] = {
            t.name: {**d, **m} for t, d, m in zip(self.spec.tasks, differences, lost, strict=True)
        }
        drops = [row.get("metric_drop") for row in lost]
        most = lost[int(np.argmax([-np.inf if drop is None else drop for drop in drops]))]
        return cast(
            Row,
            {
                "variant": variant,
                **({"file": path.name} if path.is_file() else {}),
                "bytes": size_of(path),
                "max_abs_diff": worst,
                "mean_abs_diff": total / count,
                "top1_agreement": float(np.mean(equal)),
                **most,
                **({"tasks": each} if len(each) > 1 else {}),
                "examples": len(self.ids),
                **figures,
            },
        )


def size_of(path: Path) -> int:
    """The bytes of a file, or of all files in a folder."""
    return sum(each.stat().st_size for each in ([path] if path.is_file() else path.rglob("*")) if each.is_file())


def excess(row: Row, variant: Variant) -> str:
    """Which limit a row does not keep, in words; empty where it keeps it."""
    if variant.difference is not None or row["metric_drop"] is None:
        limit, off = CLOSE if variant.difference is None else variant.difference, row["max_abs_diff"]
        return "" if off <= limit else f"differs from the model by {off:.1e} > {limit:.0e}"
    if row["metric_drop"] <= DROP:
        return ""
    return (
        f"loses {100 * row['metric_drop']:.1f} points of {row['metric_name']} on {row['examples']} records, "
        f"more than {100 * DROP:.0f}"
    )
