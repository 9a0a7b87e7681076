"""The data sets that come with the package: one folder each, with the script that made it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.data.kinds import OTHER, guess, inputs
from mmzoo.data.labels import label_task
from mmzoo.data.names import input_names
from mmzoo.data.options import TFDS, Options, TableName
from mmzoo.data.records import Records
from mmzoo.data.sources import check_only_kinds, open_table, split_table
from mmzoo.data.table import Source
from mmzoo.errors import unknown
from mmzoo.registry import Registry

datasets: Registry[Callable[[], tuple[Records, Records, Records]]] = Registry("dataset", __name__)


def load(name: str) -> tuple[Records, Records, Records]:
    """The train, validation and test records of a data set: `train, val, test = load("emoji")`.

    Args:
        name: of a data set (`mmzoo list datasets`), or a table, shards or TFDS and the label:
            "photos.csv#species", "shards#species", "tfds:mnist#label"; behind that may stand how the table is read, see
            `mmzoo.data.options.TableName`.
    """
    if "#" in name:
        from mmzoo.data.guess import load_table

        return load_table(name)[1]
    return datasets[name]()


def open_source(name: str, kinds: dict[str, str] | None = None) -> Source:
    """A data set by its name (`mmzoo list datasets`), a table ("photos.csv"), shards ("shards") or "tfds:mnist".

    "#label" behind it names the column to be predicted; behind that may stand how a table is read, see
    `mmzoo.data.options.TableName`.

    Args:
        kinds: what columns of a table are, where the guess is wrong.
    """
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
        options = named.options
        task = input_names(table.columns)[label]
        made, table.columns[label], said = label_task(
            task, table, label, task=options.task, delimiter=options.delimiter
        )
        # A label is kept as the text that it is written with, unless it is an amount.
        found[label] = "category" if made.labels else "number"
        notes = notes | {label: said}
    return Source(name, split_table(table, label), found, label, notes)


def kind_of(values: Sequence[Any]) -> str:
    """What a column of a data set is, by its arrays, or else as in a table."""
    there = [value for value in values if value is not None]
    if there and isinstance(there[0], np.ndarray):
        return next((kind for kind, made in inputs().items() if made.array_axes == there[0].ndim), "ignore")
    return "ignore" if there and isinstance(there[0], (dict, list, tuple)) else guess(values)[0]
