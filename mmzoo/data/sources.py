"""A table by its name: of a file, of a folder of shards, or of a data set of TFDS."""

from __future__ import annotations

import numpy as np

from mmzoo.data.options import TFDS, TableName
from mmzoo.data.reading import read_table
from mmzoo.data.records import Records
from mmzoo.data.splits import SHARES, parts_of
from mmzoo.data.streams import in_memory
from mmzoo.data.table import Table
from mmzoo.errors import require


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
    from mmzoo.data.tfds import read_tfds

    check_only_kinds(named)
    source = read_tfds(named.path.removeprefix(TFDS), kinds=named.options.kinds)
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
    if "split" not in table.columns and not label:
        return {"all": table}
    parts = parts_of(table, label)
    return {part: table.select(np.flatnonzero(parts == part).tolist()) for part in SHARES}
