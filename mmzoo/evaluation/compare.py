"""Runs side by side on the same records: a table a task, paired tests against the first, a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.data.records import Records, decode
from mmzoo.errors import require
from mmzoo.evaluation.statistics import interval
from mmzoo.evaluation.verdict import Gain, gain
from mmzoo.figures import write_figure
from mmzoo.inference.metrics import rounded
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.labels import encode_labels
from mmzoo.messages.words import decimal, one_line
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mmzoo.run import Run


@dataclass(frozen=True)
class Row:
    """One run at one task: its metrics, its score and the 95 % interval of it, and its gain over the first run."""

    name: str
    parameters: int
    metrics: dict[str, float]
    score: float
    interval: tuple[float, float]
    gain: Gain | None


@dataclass(frozen=True)
class Table:
    """All runs at one task."""

    task: Task
    rows: list[Row]

    def to_json(self) -> list[dict[str, object]]:
        """A run a row."""
        return [
            {
                "run": row.name,
                "parameters": row.parameters,
                "metrics": row.metrics,
                "interval": {self.task.score_name: list(row.interval)},
                "against_first": row.gain.to_json() if row.gain else None,
            }
            for row in self.rows
        ]

    def text(self) -> str:
        """A line a run: metrics, interval, difference from the first and how likely it is chance."""
        names = list(self.rows[0].metrics)
        metric, width = self.task.score_name, max(len(row.name) for row in self.rows)
        heads = "  ".join(f"{name:>9}" for name in names)
        lines = [f"{'run':<{width}}  {heads}  {metric + ' 95 %':>16}  {'against first':>13}  {'p':>7}  parameters"]
        for row in self.rows:
            values = "  ".join(f"{decimal(row.metrics.get(name, float('nan'))):>{max(9, len(name))}}" for name in names)
            low, high = row.interval
            against = f"{decimal(row.gain.gain, '+'):>13}  {row.gain.p:>7.2g}" if row.gain else f"{'':>13}  {'':>7}"
            span = f"{decimal(low)} to {decimal(high)}"
            lines.append(f"{row.name:<{width}}  {values}  {span:>16}  {against}  {row.parameters:>10,}")
        return "\n".join(lines)

    def draw(self, axes: Axes, title: str) -> None:
        """The runs' scores with their intervals."""
        for place, row in enumerate(self.rows):
            low, high = row.interval
            colour = (
                "#5b6475"
                if row.gain is None or not row.gain.significance
                else ("#1d7044", "#b3261e")[row.gain.significance < 0]
            )
            axes.plot([low, high], [place, place], color=colour, lw=3, solid_capstyle="round", alpha=0.45)
            axes.plot(row.score, place, "o", color=colour, ms=8)
            axes.annotate(
                decimal(row.score), (row.score, place), (0, 7), textcoords="offset points", ha="center", fontsize=9
            )
        axes.set_yticks(range(len(self.rows)), [row.name for row in self.rows])
        axes.set_ylim(len(self.rows) - 0.5, -0.7)
        axes.axvline(self.rows[0].score, color="#5b6475", lw=0.8, ls=":")
        axes.set_title(title, fontsize=10, loc="left")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color="#dfe3ea", lw=0.6)
        axes.set_axisbelow(True)


@dataclass(frozen=True)
class Comparison:
    """The runs in the order they were given, by task; the first is the one that the others are compared with."""

    split: str
    examples: int
    tables: list[Table]

    def to_json(self) -> dict[str, object]:
        """Everything as plain data: `task` and `runs` of the one task there is, or `tasks` with the runs of each."""
        found: dict[str, object] = {"split": self.split, "examples": self.examples}
        if len(self.tables) == 1:
            return {**found, "task": self.tables[0].task.name, "runs": self.tables[0].to_json()}
        return {**found, "tasks": {table.task.name: {"runs": table.to_json()} for table in self.tables}}

    def text(self) -> str:
        """A table a task, under the task's name where there are several."""
        if len(self.tables) == 1:
            return self.tables[0].text()
        return "\n\n".join(f"{table.task.name}\n{table.text()}" for table in self.tables)

    def draw(self, path: Path) -> None:
        """Write the runs' scores with their intervals as a picture, the tasks one below the other."""
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        high = 1.1 + 0.42 * len(self.tables[0].rows)
        figure, every = pyplot.subplots(
            len(self.tables), figsize=(7.5, high * len(self.tables)), layout="constrained", squeeze=False
        )
        for axes, table in zip(every[:, 0], self.tables, strict=True):
            whose = f"{table.task.name}: " if len(self.tables) > 1 else ""
            table.draw(axes, f"{whose}{table.task.score_name} on {self.examples} {self.split} records, 95 %")
        write_figure(figure, path, dpi=130)


def compare(runs: Sequence[Run], records: Records | None = None, *, split: str = "test") -> Comparison:
    """Evaluate runs on the same records, task by task: those given, or a split of the first run's data set.

    Raises:
        MMZooError: the runs have no task in common, or were trained on another data set.
    """
    require(runs, "Give at least one run to compare.")
    first = runs[0]
    for run in runs:
        require(
            shared_tasks([first.spec, run.spec]),
            f"The run '{run.folder}' has no task in common with '{first.folder}'; compare runs that share one.",
        )
        require(
            records is not None or run.data == first.data,
            f"The run '{run.folder}' was trained on '{run.data}', '{first.folder}' on "
            f"'{first.data}'; compare runs of one data set.",
        )
    records = records if records is not None else first.records(split)
    tables = [Table(task, []) for task in shared_tasks([run.spec for run in runs])]
    require(tables, "These runs have no task that all of them share; compare fewer of them.")
    scores: dict[str, np.ndarray] = {}
    for run in runs:
        labels = encode_labels(run.spec.tasks, records)
        answers = to_predictions(run.spec, run_model(run.model, decode(run.spec, records)))
        for table in tables:
            task = table.task
            known = np.asarray(task.known(labels[task.name]))
            given = labels[task.name][known], {name: answers[name][known] for name in task.answer_outputs}
            score = np.nan_to_num(task.scored(*given))
            found = {name: rounded(each) for name, each in task.measured(*given).items()}
            against = gain(task, str(first.folder), score, scores[task.name]) if table.rows else None
            scores.setdefault(task.name, score)
            size, spread = int(run.model.count_params()), interval(task.score_sign * score)
            table.rows.append(Row(one_line(run.folder), size, found, found[task.score_name], spread, against))
    return Comparison(split, len(records), tables)


def shared_tasks(specs: Sequence[Spec]) -> list[Task]:
    """The tasks of the first model that all the others have too."""
    first, *others = specs
    return [task for task in first.tasks if all(any(task.matches(theirs) for theirs in each.tasks) for each in others)]
