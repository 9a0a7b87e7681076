"""What was tried: candidates.json in a run's folder, and the same as a table."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from mmzoo.aliases import Json
from mmzoo.errors import MMZooError, require
from mmzoo.files import write_file
from mmzoo.messages.words import json_bytes, one_line
from mmzoo.training.run_folder.notes import read_object

FILE = "candidates.json"
NUMBERS = ("seconds", "spent")


@dataclass
class Tried:
    """One candidate.

    name: of its run's folder, `candidates/NAME`.
    epochs: so many were planned; 0 where it was not begun.
    trained, best_epoch: so many were trained, and which of them is kept.
    score: the primary metric on the validation records; None where it has none.
    seconds: that it took.
    note: why it was not tried, or how it failed.
    """

    name: str
    summary: str
    epochs: int = 0
    trained: int = 0
    best_epoch: int = 0
    score: float | None = None
    seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class Floor:
    """A baseline beside the candidates, and its score on the validation records: the primary metric of a task."""

    name: str
    task: str
    metric: str
    score: float | None
    seconds: float


@dataclass
class Trials:
    """All that was tried.

    asked: what the command asked for; another one does not go on with this.
    metric: the primary one, of the first task.
    task: the first, by which candidates and baselines stand in one order.
    seconds: that there were.
    spent: that were used by now, over all starts of the command.
    chosen: whose run was kept; "" until it is.
    why, verdict: sentences: why that, and how it stands to the floor.
    """

    asked: Json
    metric: str
    task: str
    seconds: float
    spent: float = 0.0
    candidates: list[Tried] = field(default_factory=list)
    floor: list[Floor] | None = None
    chosen: str = ""
    why: str = ""
    verdict: str = ""

    def write(self, folder: Path) -> None:
        """Keep this in a run's folder."""
        write_file(folder / FILE, json_bytes(asdict(self)))

    @classmethod
    def read(cls, folder: Path) -> Trials | None:
        """What a run's folder has of it; None where it has nothing. Whoever made the folder may have written anything.

        Raises:
            MMZooError: it is damaged.
        """
        path = folder / FILE
        if not os.path.lexists(path):
            return None
        remedy = "remove the run's folder, or choose another --out"
        found = read_object(path, remedy)
        try:
            floor = found["floor"]
            trials = cls(
                **{
                    **found,
                    "candidates": [checked(Tried, each) for each in found["candidates"]],
                    "floor": None if floor is None else [checked(Floor, each) for each in floor],
                }
            )
            texts = (trials.metric, trials.task, trials.chosen, trials.why, trials.verdict)
            if not all(isinstance(each, str) for each in texts):
                raise TypeError("a text is none")
            if not all(type(getattr(trials, name)) in (int, float) for name in NUMBERS):
                raise TypeError("a number is none")
            return trials
        except (KeyError, TypeError) as error:
            raise MMZooError(f"'{path}' is damaged ({one_line(error)}); {remedy}.") from None

    def check_asked(self, asked: Json, folder: Path) -> None:
        """Raise unless this is what was asked for, but for what is done about bad records, if none was met so far.

        The budget of them is never learnt of. Where they end the work and a model was kept, there was none in what it
        learnt from.
        """
        theirs = {**self.asked, "budget": asked["budget"]}
        if theirs["on_error"] == "error" and self.chosen:
            theirs["on_error"] = asked["on_error"]
        same = theirs == json.loads(json.dumps(asked))
        require(
            same,
            f"'{folder}' holds candidates for another spec, other settings, data, seed, quality or time; "
            "choose another --out or remove the folder first.",
        )

    def ended_at_once(self, asked: Json) -> bool:
        """Did it end before anything was fitted, at a record that cannot be read?

        A floor that reads no input is fitted all the same; with another policy for such records it is fitted anew.
        """
        other = self.asked.get("on_error") == "error" != asked["on_error"]
        return (self.floor is None or other) and not self.candidates

    @property
    def best_floor(self) -> Floor | None:
        """The best baseline of the first task; None where there is none."""
        known = [each for each in self.floor or () if each.task == self.task and each.score is not None]
        return max(known, key=lambda each: each.score or 0.0, default=None)

    def against(self, floor: Floor, score: float) -> str:
        """In a sentence: does the one that is kept beat the floor?"""
        assert floor.score is not None
        both = f"{self.metric} {score:.3f} against {floor.score:.3f} on the validation records"
        if score > floor.score:
            return f"It beats the floor, {floor.name}: {both}."
        return f"Nothing beat the floor, {floor.name}: {both}; a model of scikit-learn is enough here."

    def words(self, tried: Tried) -> str:
        """What has become of a candidate that was trained."""
        kept = f"epoch {tried.best_epoch} of {tried.trained} kept"
        return f"{tried.name}: {self.metric} {tried.score:.3f} on the validation records, {kept}, {tried.seconds:.0f} s"

    @property
    def heads(self) -> list[str]:
        """Of `rows`."""
        return ["candidate", self.metric, "epochs", "kept", "seconds", "what it is"]

    @property
    def rows(self) -> list[list[str | int | float | None]]:
        """A row for each candidate and baseline, the best first, those that have no score last.

        Baselines of other tasks have other metrics, which are in no order with these: they stand below, and say theirs.
        """
        rows: list[list[Any]] = [
            [
                f"{each.name}{' (chosen)' if each.name == self.chosen else ''}",
                each.score,
                *((each.trained, each.best_epoch, round(each.seconds)) if each.trained else (None, None, None)),
                each.note or each.summary,
            ]
            for each in self.candidates
        ]
        others: list[list[Any]] = []
        for each in self.floor or ():
            own = each.task == self.task
            told = "" if own else f", {each.task}: {each.metric} {'-' if each.score is None else f'{each.score:.3f}'}"
            row = [f"{each.name} (floor)", each.score if own else None, None, None, round(each.seconds)]
            (rows if own else others).append([*row, f"scikit-learn{told}"])
        return sorted(rows, key=lambda row: float("inf") if row[1] is None else -row[1]) + others

    def text(self) -> str:
        """The table, and what follows from it."""
        shown = [
            ["-" if cell is None else f"{cell:.3f}" if isinstance(cell, float) else one_line(cell, 90) for cell in row]
            for row in self.rows
        ]
        return "\n".join([*aligned([self.heads, *shown]), *filter(None, [self.why, self.verdict])])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of texts as lines, whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def checked(made: type[Any], value: Json) -> Any:
    """A row of plain data.

    Raises:
        TypeError: a value is of another type than its field.
    """
    kinds = {"str": (str,), "int": (int,), "float": (int, float), "float | None": (int, float, type(None))}
    row = made(**value)
    for each in fields(made):
        if type(getattr(row, each.name)) not in kinds[str(each.type)]:
            raise TypeError(f"'{each.name}' is no {each.type}")
    return row
