"""What is wrong with many tables and is quickly seen: leaks, labels that contradict each other, the answer as an input.

`mmzoo data check` looks closer, also for what is nearly the same.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.data.schema.kinds import files
from mmzoo.data.splits.contents import contents_of
from mmzoo.data.table import Table
from mmzoo.errors import DataError
from mmzoo.modalities.tabular.cells import is_missing, number_of, text_of

LEAST = 20
"""Records from which a column that tells the label does not do so by chance."""

SAME_LINE = 0.99999
"""The correlation from which a number is another one in other units, rounded or not."""

CHEAP = 2 * 1024**3
"""Bytes of all files up to which they are read only to see whether two are the same."""


def repeats(table: Table, column: str, label: str) -> bool:
    """Does a column say what the label says, cell by cell?"""
    pairs = [(one, other) for one, other in cells_of(table, column, label) if one is not None and other is not None]
    known = sum(other is not None for _, other in cells_of(table, column, label))
    return len(pairs) >= LEAST and len(pairs) == known and all(same(one, other) for one, other in pairs)


def same(one: str, other: str) -> bool:
    """Are two cells the same text, or the same number?"""
    if one.casefold() == other.casefold():
        return True
    number = number_of(one)
    return number is not None and number == number_of(other)


def tells(table: Table, column: str, label: str) -> bool:
    """Is each value of a column with one label only, and each label with one value, whatever they are called?"""
    pairs = [(one, other) for one, other in cells_of(table, column, label) if one is not None and other is not None]
    values, labels = ({pair[k] for pair in pairs} for k in range(2))
    different = len(set(pairs))
    return len(pairs) >= LEAST and 1 < different <= len(pairs) / 4 and len(values) == len(labels) == different


def in_other_units(table: Table, column: str, label: str) -> bool:
    """Is a column of numbers the label of numbers but for its unit and where it begins?"""
    if table.kinds[column] != "number" or table.kinds[label] != "number":
        return False
    forms = table.forms.get(column, ""), table.forms.get(label, "")
    pairs = [
        [number_of(one, forms[0]), number_of(other, forms[1])]
        for one, other in cells_of(table, column, label)
        if one is not None and other is not None
    ]
    found = np.array([pair for pair in pairs if None not in pair], np.float64).reshape(-1, 2).T
    if found.shape[1] < LEAST or not np.isfinite(found).all() or not (found.std(axis=1) > 0).all():
        return False
    from scipy.stats import pearsonr

    return abs(float(pearsonr(*found)[0])) > SAME_LINE


def cells_of(table: Table, column: str, label: str) -> list[tuple[str | None, str | None]]:
    """The cells of two columns as texts; None where there is none."""
    return [(text(one), text(other)) for one, other in zip(table.written[column], table.written[label], strict=True)]


def text(value: Raw) -> str | None:
    """A cell as a text; None of what is missing or no text."""
    plain = isinstance(value, (str, int, float, bool, np.generic)) and not is_missing(value)
    return text_of(value) if plain else None


def warnings_of(
    table: Table, label: str, parts: np.ndarray, inputs: Sequence[str], *, classed: bool = True, group: str = ""
) -> list[str]:
    """A line for each thing that a person should look at before training.

    Args:
        parts: the split of each record.
        inputs: the columns of its row that the model reads.
        classed: is the label a class, and not a number?
        group: the column that names the groups of the split.
    """
    lines = [
        f"warning: the column '{column}' GIVES THE ANSWER AWAY: it says what the label '{label}' says in other words "
        f"or units. If it is not known before the label is, what is measured here means nothing; leave it out: "
        f"--kind {shlex.quote(f'{column}=ignore')}"
        for column in (inputs if label else ())
        if table.kinds[column] in ("category", "number")
        and (tells(table, column, label) or (not classed and in_other_units(table, column, label)))
    ]
    if table.tells_parts and size_of(table) > CHEAP:
        return lines
    held: dict[bytes, list[int]] = defaultdict(list)
    for row, content in enumerate(contents_of(table, label, group)):
        held[content].append(row)
    again = [rows for rows in held.values() if len(rows) > 1]
    told = table.written[label] if label else [None] * len(table)
    answers = [text(value) if not isinstance(value, (list, DataError)) else None for value in told]
    different = [rows for rows in again if len({answers[row] for row in rows} - {None}) > 1]
    if different and classed:
        one, other = different[0][:2]
        lines.append(
            f"warning: {sum(map(len, different))} records hold the same as another and have another label, such as "
            f"{table.places[one]} and {table.places[other]}; see mmzoo data check."
        )
    leaks = [rows for rows in again if {"train", "test"} <= {*parts[rows].tolist()}]
    if leaks:
        test = sum(int(np.sum(parts[rows] == "test")) for rows in leaks)
        shown = [next(row for row in leaks[0] if parts[row] == part) for part in ("test", "train")]
        where = " and ".join(table.places[row] for row in shown)
        lines.append(
            f"warning: {test} test records hold the same as one for training, such as {where}, so that the test is "
            "too easy; see mmzoo data check."
        )
    return lines


def size_of(table: Table) -> int:
    """The bytes of the files of a table, as far as they are there."""
    found = 0
    for column, kind in table.kinds.items():
        for value in table.columns[column] if kind in files() else ():
            if isinstance(value, (str, Path)):
                with suppress(OSError, ValueError):
                    found += Path(value).stat().st_size
    return found
