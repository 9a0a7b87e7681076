"""What a user names, as splits of records with the kinds of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.data.kinds import OTHER, guess
from mmzoo.data.options import TFDS, Options, TableName
from mmzoo.data.records import Records
from mmzoo.data.table import Table, read_table
from mmzoo.errors import require, unknown


@dataclass(frozen=True)
class Source:
    """Records by split ("train", "validation", "test"; "all" where it is not split), and what their columns are.

    label: the column to be predicted; "" where it was not said.
    notes: what is to be said of a column.
    """

    name: str
    splits: dict[str, Records]
    kinds: dict[str, str]
    label: str = ""
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def inputs(self) -> dict[str, str]:
        """The kinds of the columns that a model could read: not the label, nor what names records or splits them."""
        apart = ("id", "split", self.label)
        return {name: kind for name, kind in self.kinds.items() if kind != "ignore" and name not in apart}


def open_source(name: str, kinds: dict[str, str] | None = None) -> Source:
    """A data set by its name (`mmzoo list datasets`), a table ("photos.csv"), shards ("shards") or "tfds:mnist".

    "#label" behind it names the column to be predicted; behind that may stand how a table is read, see
    `mmzoo.data.options.TableName`.

    Args:
        kinds: what columns of a table are, where the guess is wrong.
    """
    from mmzoo.datasets import datasets

    if name in datasets.names():
        splits = dict(zip(("train", "validation", "test"), datasets[name](), strict=True))
        found = {column: kind_of(values) for column, values in splits["train"].columns.items()}
        return Source(name, splits, found, str(datasets.facts(name)["tasks"]).partition(",")[0])
    named = TableName.parse(name)
    named = replace(named, options=named.options.updated(Options(kinds=kinds or {})))
    if named.path.startswith(TFDS):
        from mmzoo.data.tfds import read_tfds

        check_only_kinds(named)
        return read_tfds(named.path.removeprefix(TFDS), label=named.label, kinds=named.options.kinds)
    if not Path(named.path).suffix and not Path(named.path).exists():
        raise unknown("data set", name, datasets.names())
    table, label = open_table(named), named.label
    if label and label not in table.columns:
        raise unknown("column for the label called", label, table.columns)
    found = {column: "ignore" if kind == OTHER else kind for column, kind in table.kinds.items()}
    notes = table.notes
    if label:
        from mmzoo.data.labels import label_task
        from mmzoo.data.names import input_names

        options = named.options
        task = input_names(table.columns)[label]
        made, table.columns[label], said = label_task(
            task, table, label, task=options.task, delimiter=options.delimiter
        )
        # A label is kept as the text that it is written with, unless it is an amount.
        found[label] = "category" if made.labels else "number"
        notes = notes | {label: said}
    return Source(name, split_table(table, label), found, label, notes)


def open_table(name: str | TableName) -> Table:
    """A table, shards or a TFDS data set as one table; with a column `split` where it is split."""
    named = TableName.parse(name) if isinstance(name, str) else name
    if not named.path.startswith(TFDS):
        options = named.options
        return read_table(
            named.path,
            root=options.root or None,
            kinds=options.kinds,
            allow_outside=options.allow_outside,
            encoding=options.encoding,
        )
    from mmzoo.data.streams import in_memory

    check_only_kinds(named)
    source = open_source(str(replace(named, label="", options=Options(named.options.kinds))))
    parts = {split: in_memory(part, named.path) for split, part in source.splits.items()}
    columns = {key: [value for part in parts.values() for value in part.column(key)] for key in source.kinds}
    columns["split"] = [split for split, part in parts.items() for _ in part.ids]
    return Table(columns, [record for part in parts.values() for record in part.ids], source.kinds)


def check_only_kinds(named: TableName) -> None:
    """Raise where a data set that has no files of its own is told where they are."""
    options = named.options
    given = [name for name in ("root", "allow_outside", "encoding") if getattr(options, name)]
    require(not given, f"'{named.path}' is no table of files, so it takes no {', '.join(given)}; leave that out.")


def split_table(table: Table, label: str) -> dict[str, Records]:
    """The splits of a table: by its column `split`, by what records hold where the label is known, or none."""
    from mmzoo.data.splits import SHARES, parts_of

    if "split" not in table.columns and not label:
        return {"all": table}
    parts = parts_of(table, label)
    return {part: table.select(np.flatnonzero(parts == part).tolist()) for part in SHARES}


def kind_of(values: Sequence[Any]) -> str:
    """What a column of a data set is, by its arrays, or else as in a table."""
    there = [value for value in values if value is not None]
    shapes = {1: "audio", 2: "sensor", 3: "image", 4: "video"}
    if there and isinstance(there[0], np.ndarray):
        return shapes.get(there[0].ndim, "ignore")
    return "ignore" if there and isinstance(there[0], (dict, list, tuple)) else guess(values)[0]
