"""Sources by their names, whoever reads them: a file, a folder of shards, a data set of ours or of others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.data.from_dataset import in_memory
from mmzoo.data.piecewise import read_in_pieces
from mmzoo.data.readers import is_path, reader_of
from mmzoo.data.readers.base import CellReader, Reader
from mmzoo.data.records import Records
from mmzoo.data.schema.kinds import OTHER
from mmzoo.data.schema.names import input_names
from mmzoo.data.schema.options import Options, TableName, check_kind
from mmzoo.data.splits.parts import SHARES, parts_of
from mmzoo.data.table import Source, Table
from mmzoo.data.tables.labels import label_task, no_label
from mmzoo.errors import require


def read_table(
    source: Raw,
    *,
    root: str | Path | None = None,
    kinds: dict[str, str] | None = None,
    allow_outside: bool = False,
    encoding: str = "",
    sheet: str = "",
) -> Table:
    """The records of a table, and what its columns are: decided by most of their cells.

    The usual words for nothing ("NA", "null", "-" ...) are missing. A cell that is not what most of its column are,
    or that cannot be used at all, stays in the table as the `DataError` that says so, and ends the work, or is
    counted, where the records are used.

    Args:
        source: a .csv, .tsv, .jsonl or .parquet file, a folder of shards, or what else a reader opens by its name
            (`mmzoo list readers`); a DataFrame of pandas or polars, an Arrow table, a mapping of columns or a list of
            mappings. The first line of a CSV has the names. One that is split gets a column `split`.
        root: the folder that paths in the table are relative to; the table's own, if not given. A path that
            leads out of it cannot be used.
        allow_outside: paths may lead out of `root`.
        kinds: what columns are, where the guess is wrong: `{"zip_code": "category", "notes": "ignore"}`.
        encoding: of the text in the file; UTF-8, or what its first bytes say, if not given.
        sheet: of a workbook; the first that has any cells, if not given.

    Raises:
        MMZooError: the table cannot be read or is empty, or no cell of a column can be used.
    """
    kinds = {str(column): kind for column, kind in (kinds or {}).items()}
    for kind in kinds.values():
        check_kind(kind)
    source = str(source) if isinstance(source, Path) else source
    options = Options(kinds, "" if root is None else str(root), allow_outside, encoding, sheet=sheet)
    return in_one_table(source, reader_as_told(source, options).open(source, options))


def open_table(name: str | TableName) -> Table:
    """What a name names as one table; with a column `split` where it is split."""
    named = TableName.parse(name) if isinstance(name, str) else name
    reader = reader_as_told(named.path, named.options, named.label)
    return in_one_table(named.path, reader.open(named.path, named.options, named.label))


def reader_as_told(source: Raw, options: Options, label: str = "") -> Reader:
    """The reader of a source of which something was said.

    Raises:
        MMZooError: nobody reads it, or it has no sheets, of which one was named.
    """
    reader = reader_of(source, label, options.sheet)
    require(not options.sheet or reader.has_sheets, f"'{source}' is no workbook, so it takes no sheet; leave that out.")
    return reader


def in_one_table(name: Raw, source: Source) -> Table:
    """The records of a source with all its splits together."""
    whole = source.splits.get("all")
    if isinstance(whole, Table):
        return whole
    parts = {split: in_memory(part, str(name)) for split, part in source.splits.items()}
    columns = {key: [value for part in parts.values() for value in part.column(key)] for key in source.kinds}
    columns["split"] = [split for split, part in parts.items() for _ in part.ids]
    return Table(columns, [record for part in parts.values() for record in part.ids], source.kinds)


def open_source(name: str, kinds: dict[str, str] | None = None, *, held: bool = True) -> Source:
    """A data set by its name (`mmzoo list datasets`), a table ("photos.csv"), shards ("shards") or "tfds:mnist".

    "#label" behind it names the column to be predicted; behind that may stand how a table is read, see
    `mmzoo.data.schema.options.TableName`.

    Args:
        kinds: what columns of a table are, where the guess is wrong.
        held: shall a table be in memory? Otherwise its records are read when they are asked for, best in order, where
            that is possible.
    """
    named = TableName.parse(name)
    options, label = named.options.updated(Options(kinds=kinds or {})), named.label
    reader, table = reader_as_told(named.path, options, label), None
    if not held and isinstance(reader, CellReader):
        table = read_in_pieces(reader, named.path, options)
    if table is None:
        source = reader.open(named.path, options, label)
        found_all = source.splits.get("all")
        if not isinstance(found_all, Table):
            return source
        table = found_all
    if label and label not in table.columns:
        raise no_label(table, label)
    found = {column: "ignore" if kind == OTHER else kind for column, kind in table.kinds.items()}
    if options.group and options.group not in table.told:
        found[options.group] = "ignore"  # it names the groups of the split
    refused = {column: table.notes.get(column, "") for column, kind in table.kinds.items() if kind == OTHER}
    notes = table.notes | {column: f"mmzoo train refuses it: {note}" for column, note in refused.items()}
    classes = None
    if label:
        task = input_names(table.columns)[label]
        made, table.columns[label], said = label_task(
            task, table, label, task=options.task, delimiter=options.delimiter
        )
        # A label is kept as the text that it is written with, unless it is an amount.
        found[label] = "category" if made.tags.probabilistic else "text" if made.tags.texts else "number"
        classes = table.columns[label] if made.tags.probabilistic else None
        notes = notes | {label: said}
    if not table.tells_parts and not label:
        return Source(name, {"all": table}, found, label, notes, table.note)
    parts = parts_of(table, label, classes, options.drawing)
    return Source(name, split_table(table, parts), found, label, notes, table.note)


def split_table(table: Table, parts: np.ndarray) -> dict[str, Records]:
    """The records of each part."""
    return {part: table.select(np.flatnonzero(parts == part)) for part in SHARES}


def absolute(named: TableName) -> TableName:
    """The same with whole paths, so that a run can write it down."""
    path = str(Path(named.path).absolute()) if is_path(named.path) else named.path
    root = str(Path(named.options.root).absolute()) if named.options.root else ""
    return replace(named, path=path, options=replace(named.options, root=root))
