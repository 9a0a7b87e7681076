"""What a search has found: a table as text and as JSON, and a picture."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError
from mmzoo.figures import write_figure
from mmzoo.messages.words import one_line


@dataclass(frozen=True)
class Trial:
    """One trial.

    values: by setting.
    epochs: so many of training at most.
    score: the metric on the validation records in the best epoch; None where it failed.
    best_epoch, seconds: which that was, and how long all epochs took.
    error: why it failed.
    """

    number: int
    values: dict[str, object]
    epochs: int
    score: float | None = None
    best_epoch: int = 0
    seconds: float = 0.0
    error: str = ""


@dataclass
class Results:
    """All trials so far.

    folder: the search's; a trial's run is in it, see `run`.
    metric: that of the validation records which chooses.
    """

    folder: Path
    metric: str
    trials: list[Trial] = field(default_factory=list)

    def run(self, trial: Trial) -> Path:
        """The folder of a trial's run."""
        return self.folder / "trials" / f"{trial.number:03d}"

    @property
    def ranked(self) -> list[Trial]:
        """From the best to the worst, the earlier one first where two are equal; without those that failed."""
        return sorted(
            (trial for trial in self.trials if trial.score is not None), key=lambda trial: -(trial.score or 0)
        )

    def best(self) -> Trial:
        """The best trial.

        Raises:
            MMZooError: all failed.
        """
        if not self.ranked:
            raise MMZooError(f"No trial of '{self.folder}' succeeded; the first failed so: {self.trials[0].error}")
        return self.ranked[0]

    def to_json(self) -> dict[str, object]:
        return {"metric": self.metric, "trials": [asdict(trial) for trial in self.trials]}

    @classmethod
    def from_json(cls, folder: Path, data: dict[str, Raw]) -> Results:
        """The results of plain data.

        Raises:
            KeyError, TypeError, ValueError: it is not what `to_json` gives.
        """
        if not isinstance(data["metric"], str):
            raise TypeError("'metric' is no text")
        if not isinstance(data["trials"], list):
            raise TypeError("'trials' is no list")
        trials = [Trial(**trial) for trial in data["trials"]]
        for number, trial in enumerate(trials):
            figures = (trial.score if trial.score is not None else 0.0, trial.seconds)
            if not (
                trial.number == number
                and isinstance(trial.values, dict)
                and isinstance(trial.error, str)
                and all(type(each) is int for each in (trial.number, trial.epochs, trial.best_epoch))
                and all(type(each) in (int, float) for each in figures)
            ):
                raise ValueError(f"trial {number} is none")
        return cls(folder, data["metric"], trials)

    def text(self) -> str:
        """A row for each trial, the best first, those that failed last; and where the best one's run is."""
        failed = [trial for trial in self.trials if trial.score is None]
        keys = list(self.trials[0].values)
        rows = [["trial", self.metric, "epochs", "seconds", *keys]]
        for trial in [*self.ranked, *failed]:
            score = "failed" if trial.score is None else f"{trial.score:.4f}"
            said = [readable(trial.values[key]) for key in keys]
            rows.append([str(trial.number), score, str(trial.epochs), f"{trial.seconds:.0f}", *said])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines += [f"Trial {trial.number} failed: {one_line(trial.error)}" for trial in failed]
        if self.ranked:
            best = self.ranked[0]
            lines.append(f"\nBest: trial {best.number}, {self.metric} {best.score:.4f} on the validation records.")
            lines.append(f"Its run: {self.run(best)}")
        return "\n".join(lines)

    def draw(self, path: Path) -> None:
        """A PNG: the score over each setting, one point a trial, the best one marked."""
        from matplotlib.figure import Figure

        best = self.best()
        keys = list(best.values)
        figure = Figure(figsize=(3.2 * len(keys) + 0.6, 3.4), layout="constrained")
        for axes, key in zip(figure.subplots(1, len(keys), sharey=True, squeeze=False)[0], keys, strict=True):
            values = [trial.values[key] for trial in self.ranked]
            numbers = [value for value in values if type(value) is int or type(value) is float]
            numeric = len(numbers) == len(values)
            places = numbers if numeric else [readable(value) for value in values]
            axes.scatter(places, [trial.score for trial in self.ranked], color="#7a8794", s=24)
            axes.scatter(places[:1], [best.score], color="#c2410c", s=60, marker="D")
            if numeric and min(numbers) > 0 and max(numbers) / min(numbers) >= 50:
                axes.set_xscale("log")
                axes.xaxis.set_major_formatter("{x:g}")  # its usual one writes TeX
                axes.xaxis.set_minor_formatter("")
            if not numeric:
                axes.tick_params(axis="x", rotation=20)
            axes.set_xlabel(key)
            axes.spines[["top", "right"]].set_visible(False)
        figure.axes[0].set_ylabel(f"{self.metric}, validation")
        write_figure(figure, path, dpi=120)


def readable(value: object) -> str:
    """A value in a cell."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
