"""What was tried: candidates.json in a run's folder, and the same as a table."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError, require
from mmzoo.files import write_file
from mmzoo.messages.words import json_bytes, one_line
from mmzoo.training.run_folder.notes import read_object

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
Cell: TypeAlias = str | int | float | None
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

    asked: dict[str, object]
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
            own: dict[str, Any] = {
                **found,
                "candidates": checked(Tried, found["candidates"]),
                "floor": None if floor is None else checked(Floor, floor),
            }
            trials = cls(**own)
            texts = (trials.metric, trials.task, trials.chosen, trials.why, trials.verdict)
            if not isinstance(trials.asked, dict):
                raise TypeError("what was asked for is no object")
            if not all(isinstance(each, str) for each in texts):
                raise TypeError("a text is none")
            if not all(type(getattr(trials, name)) in (int, float) for name in NUMBERS):
                raise TypeError("a number is none")
            return trials
        except (KeyError, TypeError) as error:
            raise MMZooError(f"'{path}' is damaged ({one_line(error)}); {remedy}.") from None

    def check_asked(self, asked: Mapping[str, object], folder: Path) -> None:
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

    def ended_at_once(self, asked: Mapping[str, object]) -> bool:
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
        if f"{score:.3f}" == f"{floor.score:.3f}":
            return f"It is level with the floor, {floor.name}: {both}."
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
    def rows(self) -> list[list[Cell]]:
        """A row for each candidate and baseline, the best first, those that have no score last.

        Baselines of other tasks have other metrics, which are in no order with these: they stand below, and say theirs.
        """
        rows: list[tuple[float | None, list[Cell]]] = []
        others: list[list[Cell]] = []
        for tried in self.candidates:
            name = f"{tried.name}{' (chosen)' if tried.name == self.chosen else ''}"
            figures = (tried.trained, tried.best_epoch, round(tried.seconds)) if tried.trained else (None, None, None)
            rows.append((tried.score, [name, tried.score, *figures, tried.note or tried.summary]))
        for each in self.floor or ():
            own = each.task == self.task
            told = "" if own else f", {each.task}: {each.metric} {'-' if each.score is None else f'{each.score:.3f}'}"
            score = each.score if own else None
            row = [f"{each.name} (floor)", score, None, None, round(each.seconds), f"scikit-learn{told}"]
            if own:
                rows.append((score, row))
            else:
                others.append(row)
        ranked = sorted(rows, key=lambda ranked: float("inf") if ranked[0] is None else -ranked[0])
        return [row for _, row in ranked] + others

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


def checked(made: type[T], values: Raw) -> list[T]:
    """Rows of plain data.

    Raises:
        TypeError: they are none, or a value is of another type than its field.
    """
    if not isinstance(values, list):
        raise TypeError("a list is none")
    kinds = {"str": (str,), "int": (int,), "float": (int, float), "float | None": (int, float, type(None))}
    rows = [made(**value) for value in values]
    for row in rows:
        for each in fields(row):
            if type(getattr(row, each.name)) not in kinds[str(each.type)]:
                raise TypeError(f"'{each.name}' is no {each.type}")
    return rows
