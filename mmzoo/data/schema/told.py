"""What the columns of a table were taken for, in lines: one for each, or for many of which the same is said."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

MANY = 10
"""Columns of which the same is said that still have a line each."""


class Told(NamedTuple):
    """What is said of a column.

    Args:
        own: the name of its input or task.
        missing: records that lack it.
    """

    name: str
    own: str
    kind: str
    note: str = ""
    missing: int = 0

    @property
    def shown(self) -> str:
        """Its name, and that of its input or task where that is another."""
        return self.name if self.name == self.own else f"{self.name} -> {self.own}"

    @property
    def line(self) -> str:
        """A line of its own."""
        return line_of(self.shown, self.kind, missing_words([self.missing]), self.note)


def column_lines(columns: Sequence[Told]) -> list[str]:
    """A line for each column, in their order; many of which the same is said have one, at the place of the first."""
    alike: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for column in columns:
        alike[column.kind, shape_of(column)].append(column)
    lines = []
    for column in columns:
        group = alike[column.kind, shape_of(column)]
        if len(group) <= MANY:
            lines.append(column.line)
        elif group[0] is column:
            counted, names = f"{len(group)} columns", f"{column.shown} ... {group[-1].shown}"
            missing = missing_words([each.missing for each in group])
            lines.append(line_of(names, column.kind, counted, missing, shape_of(column)))
    return lines


def shape_of(column: Told) -> str:
    """What is said of a column, without its name."""
    note = column.note.replace(f"--kind {shlex.quote(column.name)}=", "--kind COLUMN=")
    return note.replace(f"Column '{column.name}'", "Column 'COLUMN'")


def missing_words(counts: Sequence[int]) -> str:
    """In how many records columns are missing."""
    least, most = min(counts), max(counts)
    return f"missing in {most if least == most else f'{least} to {most}'}" if most else ""


def line_of(name: str, kind: str, *said: str) -> str:
    """What a column was taken for."""
    words = "; ".join(filter(None, said))
    return f"{name}: {kind}{f' ({words})' if words else ''}"


def names_of(columns: Sequence[str]) -> str:
    """Columns by their names; of many the first, the last and how many they are."""
    if len(columns) <= MANY:
        return ", ".join(columns)
    return f"{columns[0]}, {columns[1]} ... {columns[-1]} ({len(columns)} columns)"
