"""Tables in memory: DataFrames of pandas and polars, Arrow tables, Hugging Face data sets, columns and rows."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mmzoo.aliases import Raw, Untyped
from mmzoo.data.readers import readers
from mmzoo.data.readers.base import CellReader
from mmzoo.data.schema.kinds import look, plain
from mmzoo.data.tables.cells import Cells, check_names
from mmzoo.errors import MMZooError, require
from mmzoo.modalities.tabular.cells import text_of

if TYPE_CHECKING:
    import pyarrow


@readers.register("frames")
class Frames(CellReader):
    """A table in memory: a DataFrame, an Arrow table, columns or rows."""

    def fits(self, source: Raw, label: str = "") -> bool:
        return kind_of(source) is not None

    def read(self, source: Raw, encoding: str = "") -> Cells:
        """The cells of a table in memory.

        Args:
            source: a DataFrame of pandas or polars, an Arrow table, a mapping of columns to sequences, a sequence of
                mappings (rows), or a `datasets.Dataset`.

        Raises:
            MMZooError: two of its columns have one name, or they are of different lengths.
        """
        kind = kind_of(source)
        table: Untyped = source
        if kind == "pandas":
            columns = [(column, table.iloc[:, k].tolist()) for k, column in enumerate(table.columns)]
            types = {column_name(name): table.iloc[:, k].dtype for k, name in enumerate(table.columns)}
            found = {name: kind for name, kind in types.items() if hasattr(kind, "categories")}
            categories = {name: kind.categories.tolist() for name, kind in found.items()}
            return typed(cells_of("The DataFrame", columns), categories, [n for n, k in found.items() if k.ordered])
        if kind == "polars":
            cells = cells_of("The DataFrame", [(column.name, column.to_list()) for column in table.iter_columns()])
            enums = {name: kind.categories.to_list() for name, kind in table.schema.items() if str(kind)[:4] == "Enum"}
            return typed(cells, enums, [*enums])
        if kind == "arrow":
            return cells_of("The table", arrow_columns(table))
        if kind == "columns":
            return cells_of("The table", [(column, listed(column, values)) for column, values in table.items()])
        rows = [table[k] for k in range(len(table))]
        names = list(dict.fromkeys(key for row in rows for key in row))
        return cells_of("The table", [(column, [row.get(column) for row in rows]) for column in names])


def kind_of(source: Raw) -> str | None:
    """What a table in memory is: "pandas", "polars", "arrow", "columns" or "rows"; None of what is no table."""
    package = type(source).__module__.partition(".")[0]
    if hasattr(source, "iloc") and hasattr(source, "columns"):
        return "pandas"
    if package == "polars" and hasattr(source, "iter_columns"):
        return "polars"
    if package == "pyarrow" and hasattr(source, "itercolumns"):
        return "arrow"
    if isinstance(source, Mapping):
        return "columns"
    if package == "datasets" and hasattr(source, "features") and hasattr(source, "__getitem__"):
        return "rows"
    if not isinstance(source, Sequence) or isinstance(source, (str, bytes)):
        return None
    return "rows" if all(isinstance(row, Mapping) for row in source) else None


def arrow_columns(table: pyarrow.Table) -> list[tuple[str, list[Raw]]]:
    """The columns of an Arrow table, two of which may have one name."""
    return [(name, column.to_pylist()) for name, column in zip(table.column_names, table.itercolumns(), strict=True)]


def listed(column: object, values: Raw) -> list[Raw]:
    """The values of one column of a mapping."""
    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__len__"):
        raise MMZooError(f"Column '{column}' of the table must be a list of values, not {type(values).__name__}.")
    series: Untyped = values
    return list(series)


def cells_of(name: str, columns: Sequence[tuple[object, list[Raw]]]) -> Cells:
    """Columns, whose names may be of any type, as cells."""
    names = [column_name(column) for column, _ in columns]
    check_names(name, names)
    lengths = {len(values) for _, values in columns}
    require(lengths - {0}, f"{name} has no records; give at least one.")
    require(len(lengths) == 1, f"{name} has columns of different lengths ({sorted(lengths)}); align them.")
    (count,) = lengths
    found = {column: [as_cell(value) for value in values] for column, (_, values) in zip(names, columns, strict=True)}
    return Cells(name, found, [f"row {k}" for k in range(count)])


def typed(cells: Cells, categories: Mapping[str, Sequence[object]], ordered: Sequence[str]) -> Cells:
    """Cells with what the types of their columns say.

    A column of categories that look like numbers is none of numbers; of others it is seen in their cells what they are.

    Args:
        categories: of the columns whose type has some.
        ordered: those of them whose order means something.
    """
    looks = {name: {look(plain(one)) for one in known} for name, known in categories.items()}
    few = [name for name, known in categories.items() if looks[name] == {"number"} and len(known) <= len(cells) / 2]
    levels = {name: [text_of(plain(one)) for one in categories[name]] for name in ordered}
    return replace(cells, kinds=dict.fromkeys(few, "category"), levels=levels)


def as_cell(value: Raw) -> Raw:
    """A value as a table has it: the path of a file as a text."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def column_name(column: object) -> str:
    """A column's name as a text: those of several levels are joined."""
    return "_".join(str(part) for part in column if str(part)) if isinstance(column, tuple) else str(column)
