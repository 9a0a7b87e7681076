"""Runs side by side on the same records: a table, paired tests against the first, a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.data.records import Records, decode
from mmzoo.errors import require
from mmzoo.evaluation.statistics import interval
from mmzoo.evaluation.verdict import Gain, gain, worth_name
from mmzoo.figures import write_figure
from mmzoo.inference.metrics import metrics
from mmzoo.inference.running import finish, run_model
from mmzoo.labels import encode_labels
from mmzoo.tasks import Task
from mmzoo.words import one_line


@dataclass(frozen=True)
class Row:
    """One run: its metrics, the 95 % interval of its accuracy or mean absolute error, and its gain over the first."""

    name: str
    parameters: int
    metrics: dict[str, float]
    interval: tuple[float, float]
    gain: Gain | None


@dataclass(frozen=True)
class Comparison:
    """The runs in the order they were given; the first is the one that the others are compared with."""

    task: Task
    split: str
    examples: int
    rows: list[Row]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        runs = [
            {
                "run": row.name,
                "parameters": row.parameters,
                "metrics": row.metrics,
                "interval": {worth_name(self.task): list(row.interval)},
                "against_first": row.gain.to_json() if row.gain else None,
            }
            for row in self.rows
        ]
        return {"split": self.split, "examples": self.examples, "task": self.task.name, "runs": runs}

    def text(self) -> str:
        """A line a run: metrics, interval, difference from the first and how likely it is chance."""
        names = list(self.rows[0].metrics)
        metric, width = worth_name(self.task), max(len(row.name) for row in self.rows)
        heads = "  ".join(f"{name:>9}" for name in names)
        lines = [f"{'run':<{width}}  {heads}  {metric + ' 95 %':>16}  {'against first':>13}  {'p':>7}  parameters"]
        for row in self.rows:
            values = "  ".join(f"{row.metrics.get(name, float('nan')):>{max(9, len(name))}.3f}" for name in names)
            low, high = row.interval
            against = f"{row.gain.gain:>+13.3f}  {row.gain.p:>7.2g}" if row.gain else f"{'':>13}  {'':>7}"
            span = f"{low:.3f} to {high:.3f}"
            lines.append(f"{row.name:<{width}}  {values}  {span:>16}  {against}  {row.parameters:>10,}")
        return "\n".join(lines)

    def draw(self, path: Path) -> None:
        """Write the runs' scores with their intervals as a picture."""
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        metric = worth_name(self.task)
        figure, axes = pyplot.subplots(figsize=(7.5, 1.1 + 0.42 * len(self.rows)), layout="constrained")
        for place, row in enumerate(self.rows):
            low, high = row.interval
            mean = value_of(self.task, row)
            colour = "#5b6475" if row.gain is None or not row.gain.sure else ("#1d7044", "#b3261e")[row.gain.sure < 0]
            axes.plot([low, high], [place, place], color=colour, lw=3, solid_capstyle="round", alpha=0.45)
            axes.plot(mean, place, "o", color=colour, ms=8)
            axes.annotate(f"{mean:.3f}", (mean, place), (0, 7), textcoords="offset points", ha="center", fontsize=9)
        axes.set_yticks(range(len(self.rows)), [row.name for row in self.rows])
        axes.set_ylim(len(self.rows) - 0.5, -0.7)
        axes.axvline(value_of(self.task, self.rows[0]), color="#5b6475", lw=0.8, ls=":")
        axes.set_title(f"{metric} on {self.examples} {self.split} records, 95 %", fontsize=10, loc="left")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color="#dfe3ea", lw=0.6)
        axes.set_axisbelow(True)
        write_figure(figure, path, dpi=130)


def value_of(task: Task, row: Row) -> float:
    """A run's accuracy or mean absolute error."""
    found = row.metrics.get(worth_name(task), row.metrics.get(f"{task.name}_{worth_name(task)}"))
    assert found is not None
    return found


def compare(runs: Sequence[Any], records: Records | None = None, *, split: str = "test") -> Comparison:
    """Evaluate runs on the same records: those given, or a split of the first run's data set.

    Raises:
        MMZooError: the runs have another first task, or were trained on another data set.
    """
    require(runs, "Give at least one run to compare.")
    first = runs[0]
    task = first.spec.tasks[0]
    for run in runs:
        require(
            run.spec.tasks[0].to_json()["kind"] == task.kind
            and run.spec.tasks[0].labels == task.labels
            and run.spec.tasks[0].name == task.name,
            f"The run '{run.folder}' has another first task than '{first.folder}'; compare runs of one task.",
        )
        require(
            records is not None or run.data == first.data,
            f"The run '{run.folder}' was trained on '{run.data}', '{first.folder}' on "
            f"'{first.data}'; compare runs of one data set.",
        )
    records = records if records is not None else first.records(split)
    sign = 1 if task.labels else -1
    rows: list[Row] = []
    worths: list[np.ndarray] = []
    for run in runs:
        labels = encode_labels(run.spec.tasks, records)
        answers = finish(run.spec, run_model(run.model, decode(run.spec, records)))
        known = np.asarray(task.known(labels[task.name]))
        worths.append(task.worth(labels[task.name][known], answers[task.name][known]))
        against = gain(str(first.folder), worths[-1], worths[0]) if rows else None
        scores = metrics(run.spec, answers, labels)
        size = int(run.model.count_params())
        rows.append(Row(one_line(run.folder), size, scores, interval(sign * worths[-1]), against))
    return Comparison(task, split, len(records), rows)
