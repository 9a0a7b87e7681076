"""Tables in memory: DataFrames of pandas and polars, Arrow tables, Hugging Face data sets, columns and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmzoo.data.readers.cells import Cells, check_names
from mmzoo.errors import MMZooError, require


def read(source: Any) -> Cells:
    """The cells of a table in memory.

    Args:
        source: a DataFrame of pandas or polars, an Arrow table, a mapping of columns to sequences, a sequence of
            mappings (rows), or a `datasets.Dataset`.

    Raises:
        MMZooError: it is none of these, or two of its columns have one name.
    """
    package = type(source).__module__.partition(".")[0]
    if hasattr(source, "iloc") and hasattr(source, "columns"):
        columns = [(column, source.iloc[:, k].tolist()) for k, column in enumerate(source.columns)]
        return cells_of("The DataFrame", columns)
    if package == "polars" and hasattr(source, "iter_columns"):
        return cells_of("The DataFrame", [(column.name, column.to_list()) for column in source.iter_columns()])
    if package == "pyarrow" and hasattr(source, "itercolumns"):
        return cells_of("The table", arrow_columns(source))
    if isinstance(source, Mapping):
        return cells_of("The table", [(column, listed(column, values)) for column, values in source.items()])
    rows = source
    if package == "datasets" and hasattr(source, "features") and hasattr(source, "__getitem__"):
        rows = [source[k] for k in range(len(source))]
    if isinstance(rows, Sequence) and not isinstance(rows, (str, bytes)) and all(isinstance(r, Mapping) for r in rows):
        names = list(dict.fromkeys(key for row in rows for key in row))
        return cells_of("The table", [(column, [row.get(column) for row in rows]) for column in names])
    raise MMZooError(
        f"A table is a file, a DataFrame, an Arrow table, a mapping of columns or a list of rows, "
        f"not {type(source).__name__}; convert it to one of these."
    )


def arrow_columns(table: Any) -> list[tuple[str, list[Any]]]:
    """The columns of an Arrow table, two of which may have one name."""
    return [(name, column.to_pylist()) for name, column in zip(table.column_names, table.itercolumns(), strict=True)]


def listed(column: Any, values: Any) -> list[Any]:
    """The values of one column of a mapping."""
    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__len__"):
        raise MMZooError(f"Column '{column}' of the table must be a list of values, not {type(values).__name__}.")
    return list(values)


def cells_of(name: str, columns: Sequence[tuple[Any, list[Any]]]) -> Cells:
    """Columns, whose names may be of any type, as cells."""
    names = [column_name(column) for column, _ in columns]
    check_names(name, names)
    lengths = {len(values) for _, values in columns}
    require(lengths - {0}, f"{name} has no records; give at least one.")
    require(len(lengths) == 1, f"{name} has columns of different lengths ({sorted(lengths)}); align them.")
    (count,) = lengths
    found = {column: values for column, (_, values) in zip(names, columns, strict=True)}
    return Cells(name, found, [f"row {k}" for k in range(count)])


def column_name(column: Any) -> str:
    """A column's name as a text: those of several levels are joined."""
    return "_".join(str(part) for part in column if str(part)) if isinstance(column, tuple) else str(column)
