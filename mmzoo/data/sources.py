"""What a user names, as splits of records with the kinds of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.data.records import Records
from mmzoo.data.table import Table, guess, read_table
from mmzoo.errors import unknown

TFDS = "tfds:"


@dataclass(frozen=True)
class Source:
    """Records by split ("train", "validation", "test"; "all" where it is not split), and what their columns are.

    label: the column to be predicted; "" where it was not said.
    """

    name: str
    splits: dict[str, Records]
    kinds: dict[str, str]
    label: str = ""

    @property
    def inputs(self) -> dict[str, str]:
        """The kinds of the columns that a model could read: not the label, nor what names records or splits them."""
        apart = ("id", "split", self.label)
        return {name: kind for name, kind in self.kinds.items() if kind != "ignore" and name not in apart}


def open_source(name: str, kinds: dict[str, str] | None = None) -> Source:
    """A data set by its name (`mmzoo list datasets`), a table ("photos.csv"), shards ("shards") or "tfds:mnist".

    "#label" behind it names the column to be predicted.

    Args:
        kinds: what columns of a table are, where the guess is wrong.
    """
    from mmzoo.datasets import datasets

    path, _, label = name.partition("#")
    if name in datasets.names():
        splits = dict(zip(("train", "validation", "test"), datasets[name](), strict=True))
        found = {column: kind_of(values) for column, values in splits["train"].columns.items()}
        return Source(name, splits, found, str(datasets.facts(name)["tasks"]).partition(",")[0])
    if path.startswith(TFDS):
        from mmzoo.data.tfds import read_tfds

        return read_tfds(path.removeprefix(TFDS), label=label, kinds=kinds)
    if not Path(path).suffix and not Path(path).exists():
        raise unknown("data set", name, datasets.names())
    table = read_table(path, kinds=kinds)
    if label and label not in table.columns:
        raise unknown("column for the label called", label, table.columns)
    return Source(name, split_table(table, label), table.kinds, label)


def open_table(name: str) -> Table:
    """A table, shards or a TFDS data set as one table; with a column `split` where it is split."""
    if not name.startswith(TFDS):
        return read_table(name)
    from mmzoo.data.streams import in_memory

    source = open_source(name)
    parts = {split: in_memory(part, name) for split, part in source.splits.items()}
    columns = {key: [value for part in parts.values() for value in part.column(key)] for key in source.kinds}
    columns["split"] = [split for split, part in parts.items() for _ in part.ids]
    return Table(columns, [record for part in parts.values() for record in part.ids], source.kinds)


def absolute(name: str) -> str:
    """The name of a table or of shards with its whole path, so that a run can write it down."""
    return name if name.startswith(TFDS) else str(Path(name).resolve())


def split_table(table: Table, label: str) -> dict[str, Records]:
    """The splits of a table: by its column `split`, by hash where the label is known, or none."""
    from mmzoo.data.guess import SHARES, parts_of

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
    return "ignore" if there and isinstance(there[0], (dict, list, tuple)) else guess(values)
