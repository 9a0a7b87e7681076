"""Several short texts of a record, each of a column of a table, as one."""

from __future__ import annotations

from collections.abc import Mapping

from mmzoo.aliases import Raw
from mmzoo.errors import DataError


def joined(cells: Mapping[str, object]) -> str | DataError | None:
    """Each text behind its column's name, "title: Alien. studio: Fox"; None where no cell has one.

    A cell that cannot be used is what comes back.
    """
    faults = [cell for cell in cells.values() if isinstance(cell, DataError)]
    if faults:
        return faults[0]
    parts = [f"{column}: {as_text(cell)}" for column, cell in cells.items() if cell is not None]
    return ". ".join(parts) or None


def as_text(cell: Raw) -> str:
    """A cell of texts: bytes are UTF-8."""
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
