"""A spec for a table: which inputs its columns make, which towers suit them, and what the label asks."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.choice import Tower
from mmzoo.data.readers.frames import column_name
from mmzoo.data.records import Records
from mmzoo.data.schema.kinds import OTHER
from mmzoo.data.schema.kinds import inputs as input_kinds
from mmzoo.data.schema.layout import Layout
from mmzoo.data.schema.names import ROW, input_names
from mmzoo.data.schema.options import TableName, asks_no_label
from mmzoo.data.schema.told import MANY, Told, column_lines, names_of
from mmzoo.data.sources import open_table, read_table
from mmzoo.data.splits.parts import SHARES, folds_of, parts_of, split_lines
from mmzoo.data.table import Table
from mmzoo.data.tables.labels import label_task, no_label
from mmzoo.data.tables.nearby import NOT_THERE
from mmzoo.data.tables.phrases import good_values, searched_by_words, short_texts
from mmzoo.data.tables.suspicions import repeats, warnings_of
from mmzoo.errors import MMZooError, require
from mmzoo.modalities.base import Modality
from mmzoo.modalities.tabular import Tabular
from mmzoo.modalities.tabular.cells import is_missing
from mmzoo.modalities.text import Text
from mmzoo.spec import Spec
from mmzoo.tasks import tasks
from mmzoo.tasks.base import Task
from mmzoo.towers import towers

TEXTS = "texts"  # the input that short texts of a table make together
MATCH = "match"  # what a task without a label is called


Splits = tuple[Records, Records, Records]
"""Those for training, for validation and for the test."""


class Loaded(NamedTuple):
    """What a table is for training: its spec, its records, a line on each column, and the folds of cross-validation."""

    spec: Spec
    splits: Splits
    lines: list[str]
    folds: list[Splits]


def table_spec(table: Raw, label: str, *, task: str = "", delimiter: str = "") -> tuple[Spec, Records]:
    """A spec for a table, and its records under the names of the spec.

    Pictures, sounds, videos, sensor files and texts are inputs of their own; all numbers, categories and dates
    together are one, called "row". Of more than three columns of texts the short ones together are one, called
    "texts". Towers with pretrained weights are taken where their package is installed.

    Args:
        table: what `read_table` returns, or what it takes.
        label: the column that is to be predicted, or several with commas between them, of which each is a task; "" of a
            task that needs none, such as "retrieval".
        task: what is asked of it, "classification", "regression" ..., where the guess is wrong.
        delimiter: between several labels in one cell.

    Raises:
        MMZooError: there is no such label or no input, or a column has values that no input reads.
    """
    read = table if isinstance(table, Table) else read_table(table)
    spec, records, _ = explained_spec(read, label, task=task, delimiter=delimiter)
    return spec, records


def explained_spec(
    table: Table, label: str, *, task: str = "", delimiter: str = "", group: str = ""
) -> tuple[Spec, Records, list[str]]:
    """What `table_spec` returns, and a line for each column that says what it was taken for.

    Args:
        group: a column that names the groups of a split, and is no input unless it was said what it is.
    """
    names = input_names(table.columns)
    columns: dict[str, Any] = {}
    labels = [] if not label and asks_no_label(task) else labels_in(table, label)
    one = "--task and --delimiter are for a single label; train without them, or for one label at a time."
    require(len(labels) < 2 or not (task or delimiter), one)
    asked: list[Task] = []
    answers = []
    for each in labels:
        made, columns[names[each]], said = label_task(names[each], table, each, task=task, delimiter=delimiter)
        asked.append(made)
        answers.append(Told(each, made.name, made.kind, said).line)
    inputs: list[Modality] = []
    kinds = input_kinds()
    cells: dict[str, list[str]] = {kind: [] for kind in Tabular.gathers}
    apart = dict.fromkeys(("split", "id") if table.tells_parts else ("id",), "")
    for each in labels or [""]:
        apart |= no_inputs(table, each, group)
    apart |= dict.fromkeys(labels, "")
    read_as = {**table.kinds, **({} if labels else searched_by_words(table, task))}
    short = short_texts(table, read_as, apart)
    lines = [f"note: {table.note}"] if table.note else []
    lines += [line for line in apart.values() if line]
    told = []
    for column, kind in read_as.items():
        if column in apart:
            continue
        own = names[column]
        told.append(Told(column, own if kind in kinds else column, kind, table.notes.get(column, "")))
        if kind == OTHER:
            said = table.notes.get(column) or "values that no input reads"
            raise MMZooError(
                f"Column '{column}' has {said}; {'or ' * (';' in said)}leave it out "
                f"(--kind {shlex.quote(column)}=ignore, kinds={{'{column}': 'ignore'}})."
            )
        if kind in cells:
            cells[kind].append(column)
        elif kind != "ignore" and column not in short:
            require(NOT_THERE not in (note := table.notes.get(column, "")), f"Column '{column}' is {kind}: {note}.")
            columns[own] = table.columns[column]
            values = good_values(columns[own])
            require(values, f"Column '{column}' is empty, so it is no {kind}; leave it out (--kind {column}=ignore).")
            inputs.append(kinds[kind].guessed(own, values))
    lines += column_lines(told)
    if short:
        name = name_of_all(TEXTS, names)
        columns[name] = Text(name, columns=short).gathered(table.columns)
        values = good_values(columns[name])
        require(values, f"The columns {names_of(short)} are empty, so they are no texts; leave them out.")
        inputs.append(replace(Text.guessed(name, values), columns=short))
        lines.append(f"{name}: text, of {names_of(short)}")
    if chosen := [column for found in cells.values() for column in found]:
        rows = zip(*(table.columns[name] for name in chosen), strict=True)
        name = name_of_all(ROW, names)
        columns[name] = [dict(zip(chosen, row, strict=True)) for row in rows]
        inputs.append(row_of(name, table, cells))
        lines.append(f"{name}: tabular, of {names_of(chosen)}")
    beside = f" beside '{label}'" if labels else ""
    if not inputs:
        why = "; ".join(each.line for each in told[:MANY] if each.note)
        raise MMZooError(f"The table has no column{beside} that a model could read{f' ({why})' if why else ''}.")
    lines += answers
    if not labels:
        own = next(name for name in unused() if name not in names.values())
        inputs = [tasks[task].suited(item, tower_fact(item, "frozen")) for item in inputs]
        asked = without_label(task, own, inputs)
        lines += [f"no label: {each.kind} ({each.name})" for each in asked]
        again = {each.column for each in asked}
        # What is turned or mirrored at random nobody can rebuild as it was.
        inputs = [replace(item, augmentations=()) if item.name in again else item for item in inputs]
    forms = {names[each]: table.forms.get(each, "") for each in labels} or {asked[0].name: ""}
    layout = Layout.of(inputs, asked, names, forms)
    return Spec(inputs, "concat", asked), Records(columns, table.ids, layout=layout), lines


def without_label(task: str, name: str, inputs: Sequence[Modality]) -> list[Task]:
    """What a task that needs no label asks of these inputs; `name` is one that no column has."""
    named = [item.name for item in inputs if tower_fact(item, "classes")]
    return list(tasks[task].without_label(name, inputs, named))


def tower_fact(item: Modality, fact: str) -> str:
    """What the registry says of an input's tower; "" if nothing, or if it was told to begin without its weights."""
    tower = Tower.of(item.tower)
    found = str(towers.facts(tower.name).get(fact, ""))
    return found if tower.options.get("weights", True) else ""


def labels_in(table: Table, label: str) -> list[str]:
    """The columns that a label names: itself, or several with commas between them, of which each is a task.

    Raises:
        MMZooError: there is no such column.
    """
    label = column_name(label)
    found = [label] if label in table.columns else list(dict.fromkeys(part.strip() for part in label.split(",")))
    for each in found:
        if each not in table.columns:
            raise no_label(table, each)
    return found


def unused() -> Iterator[str]:
    """Names for a task that no column has: "match", "match_2" ..."""
    yield MATCH
    yield from (f"{MATCH}_{k}" for k in count(2))


def name_of_all(name: str, columns: dict[str, str]) -> str:
    """The name of an input that several columns make, which none of them has: a record may be by either names."""
    while name in columns or name in columns.values():
        name = f"all_{name}"
    return name


def row_of(name: str, table: Table, cells: dict[str, list[str]]) -> Tabular:
    """The row of columns by their kinds, with how their cells are written."""
    forms = [table.forms.get(column, "") for kind in ("number", "date") for column in cells[kind]]
    delimiters = [table.forms.get(column, ",") for column in cells["multi_category"]]
    columns: dict[str, Any] = {Tabular.gathers[kind]: found for kind, found in cells.items()}
    return Tabular(name, **columns, forms=forms if any(forms) else [], delimiters=delimiters)


def no_inputs(table: Table, label: str, group: str) -> dict[str, str]:
    """The columns that are no inputs since they name groups or say what the label says, and what is said of each."""
    found = {}
    for column, kind in table.kinds.items():
        told = f"--kind {shlex.quote(column)}={'category' if kind == 'ignore' else kind}"
        if column in table.told or column == label:
            continue
        if not label and column != group:
            continue
        if column == group:
            found[column] = f"{column}: groups of the split, no input; {told} makes it one"
        elif kind in (*Tabular.gathers, "text") and repeats(table, column, label):
            found[column] = f"{column}: left out, since it says what the label '{label}' says; {told} makes it an input"
    return found


def load_table(path: str | Path, label: str = "") -> tuple[Spec, Splits]:
    """A table's spec and its training, validation and test records.

    A column `split` says which is which ("train", "validation", "test"); without it each record is drawn by what it
    holds (70, 10 and 20 of 100), see `mmzoo.data.splits.parts.parts_of`.

    Args:
        path: of the table, or its name with how it is read, see `mmzoo.data.schema.options.TableName`.
        label: the column to be predicted, if the name does not say it; several with commas between them.
    """
    named = TableName.parse(str(path))
    found = load_named(replace(named, label=label or named.label))
    return found.spec, found.splits


def load_named(named: TableName, table: Table | None = None, *, folds: int = 0) -> Loaded:
    """What `load_table` returns, a line for each column that says what it was taken for, and folds.

    Args:
        table: that was read already, and has no name.
        folds: so many of them are drawn, see `mmzoo.data.splits.parts.folds_of`; 0 for none.
    """
    table = table if table is not None else open_table(named)
    label, options = named.label, named.options
    spec, records, lines = explained_spec(
        table, label, task=options.task, delimiter=options.delimiter, group=options.group
    )
    # By the first of several labels the parts are balanced; what the others say does not make records different.
    label, *others = labels_in(table, label) if label else [""]
    table = table.without(others) if others else table
    classes = records.column(spec.tasks[0].name) if spec.tasks[0].tags.probabilistic else None
    parts = parts_of(table, label, classes, options.drawing)
    rows = [column for item in spec.inputs if isinstance(item, Tabular) for column in item.columns]
    warned = warnings_of(table, label, parts, rows, classed=classes is not None, group=options.group)
    if records.layout is not None:
        records.layout = replace(records.layout, warnings=(*(one.removeprefix("warning: ") for one in warned),))
    found = selected(records, parts)
    where = f" of '{named.path}'" if named.path else ""
    for part, chosen in zip(SHARES, found, strict=True):
        group = f", or another --group than '{options.group}'" if options.group else ""
        require(
            len(chosen),
            f"The {len(table)} records{where} leave none for {part}: records that hold the same stay on one side; give "
            f"more that differ, or a column 'split'{group}.",
        )
    column = spec.tasks[0].column
    none = sum(is_missing(answer) for answer in records.column(column)) if column else 0
    if none > len(table) / 2:
        lines.append(f"warning: most records have no label, {none} of {len(table)}.")
    lines += split_lines(table, classes, parts, label, options.drawing)
    lines += warned
    drawn = folds_of(table, label, folds, classes, options.drawing) if folds else []
    return Loaded(spec, found, lines, [selected(records, each) for each in drawn])


def selected(records: Records, parts: np.ndarray) -> Splits:
    """The records of each part."""
    train, validation, test = (records.select(np.flatnonzero(parts == part).tolist()) for part in SHARES)
    return train, validation, test
