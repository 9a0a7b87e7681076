"""What a page asks a person for, as plain data: who draws it is no matter of the modalities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """One column of a form.

    Args:
        column: its name.
        kind: "number", "choice" (one of `choices`), "choices" (several), "date", or "moment", which has a time of day.
        choices: what it can hold.
        delimiter: what stands between several.
        usual: the lowest and the highest number of the training records.
        form: how a table has its numbers and dates, see `Tabular.forms`.
    """

    column: str
    kind: str
    choices: Sequence[str] = ()
    delimiter: str = ""
    usual: tuple[float, float] | None = None
    form: str = ""


@dataclass(frozen=True)
class Widget:
    """What an input is given by.

    Args:
        kind: "text", "picture", "sound", "video", "file" or "form".
        cells: of a form.
    """

    kind: str
    cells: Sequence[Cell] = ()
