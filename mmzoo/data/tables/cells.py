"""The cells of a table, as a reader gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mmzoo.aliases import Raw
from mmzoo.errors import DataError, MMZooError, require
from mmzoo.modalities.tabular.cells import is_encodable

BAD_LINES = 0.1
"""The share of lines that cannot be read from which it is the table that is wrong, not the lines."""


@dataclass
class Cells:
    """A table as it stands in its source.

    Args:
        name: how an error calls the table.
        columns: the cells by column. A `DataError` stands where a cell cannot be used, such as in a line that was
            not understood; None where there is none.
        places: where each record stands: "line 7".
        note: what was found out about the table as a whole; "" where there is nothing to say.
        kinds: what columns are by their types in memory, where these say it.
        levels: of a column whose type says their order, its categories, lowest first.
    """

    name: str
    columns: dict[str, list[Raw]]
    places: list[str]
    note: str = ""
    kinds: dict[str, str] = field(default_factory=dict)
    levels: dict[str, list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many records it has."""
        return len(self.places)


def check_names(name: str, names: Sequence[str]) -> None:
    """Raise unless the names of the columns are there, different, and can be written."""
    seen: dict[str, int] = {}
    for place, column in enumerate(names, start=1):
        require(column.strip(), f"{name} has no name for column {place}; name it in the first line.")
        require(is_encodable(column), f"{name} has a name for column {place} with half a character; rename it.")
        require(
            column not in seen,
            f"{name} has two columns called '{column}' (columns {seen.get(column)} and {place}); rename one.",
        )
        seen[column] = place


def in_columns(name: str, names: Sequence[str], rows: Sequence[Sequence[object] | DataError]) -> dict[str, list[Raw]]:
    """Rows as columns; a row that was not understood is a fault in each of them.

    Raises:
        MMZooError: there is none, or so many were not understood that the table must be another than it seems.
    """
    require(rows, f"{name} has no records; give at least one line below the names.")
    bad = [row for row in rows if isinstance(row, DataError)]
    if bad and len(bad) > BAD_LINES * len(rows):
        raise MMZooError(str(bad[0]))
    return {
        column: [row if isinstance(row, DataError) else row[place] for row in rows]
        for place, column in enumerate(names)
    }
