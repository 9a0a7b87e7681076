"""Which records of a table are for training, which for validation and which for the test."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.data.schema.options import Drawing
from mmzoo.data.splits.contents import contents_of
from mmzoo.data.splits.dealing import dealt_evenly, drawn
from mmzoo.data.table import Table
from mmzoo.errors import DataError, MMZooError, require, unknown
from mmzoo.messages.words import one_line
from mmzoo.modalities.tabular.cells import is_missing, text_of

SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}
CALLED = {"training": "train", "val": "validation", "valid": "validation", "dev": "validation", "testing": "test"}
"""What else a column `split` may say, in small letters."""

LARGE = 0.1
"""The share of the records that hold the same from which it is worth saying."""

DIGITS = 16
"""Bytes of a SHA-256 that tell records apart."""


USUAL = Drawing()


def parts_of(table: Table, label: str, classes: Sequence[object] | None = None, drawing: Drawing = USUAL) -> np.ndarray:
    """The split of each record of a table: what its column `split` says, or drawn by what it holds.

    Records of a group are on one side, or without groups those that hold the same, whatever they are called. A part
    that the column `split` does not have is drawn from what it has for training.

    Of a class with a thousand different records or more each is drawn by its own content: it stays on its side
    wherever the table lies and when others are added. Those of a smaller class are put in the order of their contents,
    and each part gets its share, so that no class is left out of a part by chance; where others are added, at most as
    many change sides. Groups are dealt one after another, the most uneven first, to the part that lacks their classes
    most; they may change sides when others are added.

    Args:
        classes: the class of each record, several, or None where it has none; not given where the label is a number.

    Raises:
        MMZooError: the column `split` says something else, or the column of groups is not there or has one alone.
    """
    parts = told_parts(table) if table.tells_parts else np.full(len(table), "train", dtype=object)
    there = ["train"] if not table.tells_parts else [part for part in SHARES if part in parts]
    if len(there) == len(SHARES):
        return parts
    require("train" in there, "The column 'split' has no record for training; say 'train' of most of them.")
    rows = np.flatnonzero(parts == "train")
    chosen = table if len(rows) == len(table) else table.select(rows.tolist())
    shares = {part: share for part, share in SHARES.items() if part == "train" or part not in there}
    units, places = units_of(chosen, label, drawing)
    strata = strata_of(chosen_of(classes, rows) if classes is not None and drawing.stratify else None, units)
    parts[rows] = drawn(places, strata, shares, drawing)[units]
    return parts


def folds_of(
    table: Table, label: str, count: int, classes: Sequence[object] | None = None, drawing: Drawing = USUAL
) -> list[np.ndarray]:
    """For each fold of a cross-validation the part of each record, with the same rules as `parts_of`.

    A record is "test" in one fold. Of the others in that fold one in eight is "validation" and the rest "train", as in
    a split without a test part. What a column `split` says is for the test is in no fold and has the part "": it is
    left for the model that is kept. What else that column says is not heeded.

    Raises:
        MMZooError: there are too few different records, or groups, for so many folds.
    """
    parts = told_parts(table) if table.tells_parts else np.full(len(table), "", dtype=object)
    rows = np.flatnonzero(parts != "test")
    require(len(rows), "The column 'split' says that all records are for the test, so that there are no folds.")
    units, places = units_of(table if len(rows) == len(table) else table.select(rows.tolist()), label, drawing)
    require(count > 1, f"A cross-validation has two folds or more, not {count}.")
    least, what = max(count, 3), "groups" if drawing.group else "records"  # one is for validation
    require(
        len(places) >= least,
        f"{count} folds need {least} different {what} at least, and there are {len(places)}; give fewer folds or more "
        f"{what}.",
    )
    strata = strata_of(chosen_of(classes, rows) if classes is not None and drawing.stratify else None, units)
    shares = {part: SHARES[part] for part in ("train", "validation")}
    folds, found = dealt_evenly(places, strata, count, drawing), []
    for fold in range(count):
        rest = np.flatnonzero(folds != fold)
        each = np.full(len(places), "test", dtype=object)
        each[rest] = drawn(places[rest], strata[rest], shares, drawing)
        require(
            {*each.tolist()} == {*SHARES},
            f"Fold {fold + 1} of {count} would have no records for training or validation; give another number of "
            "folds, or more records that differ.",
        )
        whole = np.full(len(table), "", dtype=object)
        whole[rows] = each[units]
        found.append(whole)
    return found


def chosen_of(values: Sequence[object], rows: np.ndarray) -> Sequence[object]:
    """Those of some rows, in order."""
    return values if len(rows) == len(values) else [values[row] for row in rows.tolist()]


def part_called(said: str) -> str:
    """The part that is called so, also "Dev" or "Testing"; what is none of `SHARES` in small letters."""
    small = said.strip().lower()
    return CALLED.get(small, small)


def says_parts(name: str, values: Iterable[Raw]) -> bool:
    """Is a column called `split`, also as "Split", and does each of these cells of it say a part?"""
    return name.strip().lower() == "split" and all(part_called(str(value)) in SHARES for value in values)


def column_of_parts(names: Iterable[str], says: Callable[[str], bool], told: Container[str]) -> str:
    """The column that says the parts of a split and becomes `split`; "" if none does.

    Args:
        names: of all columns.
        says: does a column say parts in all of its cells, see `says_parts`?
        told: columns of which the user says what they are, which keep their names.
    """
    names = [*names]
    found = "split" if "split" in names else next(filter(says, names), "")
    return "" if found in told else found


def told_parts(table: Table) -> np.ndarray:
    """What the column `split` says."""
    parts = []
    for value, where in zip(table.written["split"], table.places, strict=True):
        if isinstance(value, DataError):
            raise MMZooError(str(value))
        said = str(value).strip() if value is not None else ""
        require(said, f"The column 'split' is empty in {where}; say train, validation or test.")
        part = part_called(said)
        if part not in SHARES:
            told = f"The column 'split' says '{one_line(said, 40)}' in {where}, which is no part of a split. "
            told += str(unknown("split called", said, SHARES)).partition(". ")[2]
            raise MMZooError(
                f"{told} If the column tells something else, --kind split=category makes it an input and "
                "--kind split=ignore leaves it out."
            )
        parts.append(part)
    return np.array(parts, dtype=object)


def units_of(table: Table, label: str, drawing: Drawing) -> tuple[np.ndarray, np.ndarray]:
    """What stays together: the unit of each record, int (N,), and a place from 0 to 1 that each unit draws.

    It is the group where one is told, and else what a record holds.
    """
    names = groups_of(table, drawing.group) if drawing.group else [None] * len(table)
    salt = f"{drawing.seed} ".encode() if drawing.seed else b""
    held, salted = bytearray(), bytearray()
    for content, name in zip(contents_of(table, label, drawing.group), names, strict=True):
        if drawing.group:  # else two are the same where what is drawn by is
            held += content[:DIGITS]
        salted += hashlib.sha256(salt + (content if name is None else name.encode())).digest()[:DIGITS]
    different, units, counts = np.unique(np.frombuffer(salted, f"S{DIGITS}"), return_inverse=True, return_counts=True)
    if held:
        counts = np.unique(np.frombuffer(held, f"S{DIGITS}"), return_counts=True)[1]
    most = int(counts.max())
    if most > max(LARGE * len(table), 2):
        logging.getLogger("mmzoo").info(
            "%d of %d records hold the same and stay on one side; a column 'split' overrules that.", most, len(table)
        )
    first = different.view(np.uint8).reshape(-1, DIGITS)[:, :6].astype(np.int64)  # the first six bytes as one number
    return units, first @ 256 ** np.arange(5, -1, -1) / 2**48


def groups_of(table: Table, group: str) -> list[str | None]:
    """The group of each record; None of one that has none, which is then a group of its own."""
    if group not in table.columns:
        raise unknown("column for the groups called", group, table.columns)
    cells = table.written[group]
    found = [None if is_missing(cell) or isinstance(cell, DataError) else text_of(cell) for cell in cells]
    names = {name for name in found if name is not None}
    require(
        len(names) > 1,
        f"The column '{group}' has {'one group' if names else 'no groups'}, so that there is nothing to keep apart; "
        "leave --group out, or give a column with several.",
    )
    return found


def strata_of(classes: Sequence[object] | None, units: np.ndarray) -> np.ndarray:
    """How many records of each class each unit has, int (units, classes); a record of several counts for the rarest."""
    count = int(units.max()) + 1
    if classes is None:
        return np.bincount(units, minlength=count)[:, None]
    frequency = Counter(name for each in classes for name in classes_in(each))
    rarest = [min(classes_in(each), key=lambda name: (frequency[name], name)) for each in classes]
    names = {name: k for k, name in enumerate(sorted(set(rarest)))}
    found = np.zeros((count, len(names)), np.int32)
    np.add.at(found, (units, np.array([names[name] for name in rarest])), 1)
    return found


def classes_in(said: Raw) -> list[str]:
    """The classes of a record: one, or several in a list; "None" of one that has none."""
    found = [str(one) for one in (said if isinstance(said, list) else [said]) if not isinstance(one, DataError)]
    return found or ["None"]


def split_lines(
    table: Table, classes: Sequence[object] | None, parts: np.ndarray, label: str, drawing: Drawing
) -> list[str]:
    """The sizes of the parts, by what rule they came about, and what is missing in one."""
    sizes = Counter(parts.tolist())
    shown = ", ".join(f"{sizes[part]} {part}" for part in SHARES)
    told = told_parts(table) if table.tells_parts else np.array([], object)
    undecided = [part for part in SHARES if part not in told]
    stratified = classes is not None and drawing.stratify
    rule = [f"stratified by '{label}'"] if stratified else []
    rule += [
        f"groups of '{drawing.group}' stay together" if drawing.group else "records that hold the same stay together"
    ]
    rule += [f"seed {drawing.seed}"]
    how = "as the column 'split' says" if len(told) else f"drawn; {'; '.join(rule)}"
    if len(told) and undecided:
        how += f", {' and '.join(undecided)} drawn from train; {'; '.join(rule)}"
    lines = [f"split: {shown} ({how})"]
    counts: dict[str, Counter[str]] = {part: Counter() for part in SHARES}
    for part, each in zip(parts.tolist(), classes or (), strict=False):
        names = each if isinstance(each, list) else [each]
        counts[part].update(str(name) for name in names if name is not None and not isinstance(name, DataError))
    whole: Counter[str] = sum(counts.values(), Counter())
    unlearned = [name for name in sorted(whole) if not counts["train"][name]]
    lone = [name for name in sorted(whole) if whole[name] == 1 and counts["train"][name]]
    if unlearned:
        lines.append(
            f"warning: no record for training has the label {named(unlearned)}, so the model cannot learn it; "
            "move some of its records there."
        )
    if lone:
        lines.append(f"note: one record alone has the label {named(lone)}; it is for training, and is not tested.")
    return lines


def named(names: Sequence[str], most: int = 5) -> str:
    """Some names in quotes."""
    return ", ".join(f"'{name}'" for name in names[:most]) + (f" and {len(names) - most} more" if names[most:] else "")
