"""Several short texts of a record, each of a column of a table, as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmzoo.errors import DataError


def joined(cells: Mapping[str, Any]) -> str | DataError | None:
    """Each text behind its column's name, "title: Alien. studio: Fox"; None where no cell has one.

    A cell that cannot be used is what comes back.
    """
    faults = [cell for cell in cells.values() if isinstance(cell, DataError)]
    if faults:
        return faults[0]
    parts = [f"{column}: {as_text(cell)}" for column, cell in cells.items() if cell is not None]
    return ". ".join(parts) or None


def as_text(cell: str | bytes) -> str:
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell
