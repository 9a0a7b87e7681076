"""Tables in the files of spreadsheets: Excel's and LibreOffice's."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace

from mmzoo.aliases import Raw
from mmzoo.data.readers import frames, readers
from mmzoo.data.readers.base import FileReader
from mmzoo.data.splits.parts import named
from mmzoo.data.tables.cells import Cells
from mmzoo.errors import MMZooError, require, unknown

MOST = 2**28
"""Bytes of a workbook when it is unpacked."""

HIGHEST = 20
"""Rows in which the names are looked for."""


@readers.register("spreadsheets")
class Spreadsheets(FileReader):
    """A sheet of a workbook, the first that has any cells; its first row has the names. Read by python-calamine.

    Rows above the names that have one cell each, such as a title, are left out, and that is said.

    A cell with a formula has the value that was last computed and stored; nothing is computed here.
    """

    endings = (".xlsx", ".xls", ".xlsb", ".ods")
    has_sheets = True

    def parse(self, name: str, data: bytes, ending: str, encoding: str) -> Cells:
        try:
            import python_calamine as calamine
        except ImportError as error:
            raise MMZooError(f"{name} needs python-calamine; install it: pip install python-calamine.") from error
        try:
            book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(unpacked(name, data)))
            names = [str(sheet) for sheet in book.sheet_names]
            if self.sheet and self.sheet not in names:
                raise unknown(f"sheet in {name[0].lower()}{name[1:]} called", self.sheet, names)
            sheets = ((sheet, book.get_sheet_by_name(sheet)) for sheet in ([self.sheet] if self.sheet else names))
            title, first, rows = next(
                ((sheet, found.start[0], found.to_python()) for sheet, found in sheets if found.start), ("", 0, [])
            )
        except MMZooError:
            raise
        except Exception as error:  # the library has a dozen kinds
            said = str(error).strip().partition("\n")[0][:120]
            raise MMZooError(f"{name} is no workbook that can be read ({said}); save it again, or as CSV.") from None
        cells = cells_of(name, rows, first)
        others = [sheet for sheet in names if sheet != title]
        said = f"its sheet '{title}' is read, and not {named(others)} (--sheet)" if others and not self.sheet else ""
        return replace(cells, note="; ".join(filter(None, [said, cells.note])))


def unpacked(name: str, data: bytes) -> bytes:
    """A workbook that is a ZIP file as one in which nothing is packed, so that no more comes out than is counted here.

    Raises:
        MMZooError: that is more than a workbook may have.
    """
    file = io.BytesIO(data)
    if not zipfile.is_zipfile(file):
        return data
    plain = io.BytesIO()
    with zipfile.ZipFile(file) as packed, zipfile.ZipFile(plain, "w") as written:
        entries = {entry.filename: entry for entry in packed.infolist()}
        size = sum(entry.file_size for entry in entries.values())
        require(size <= MOST, f"{name} has {size} bytes when it is unpacked, over the limit of {MOST}; save it as CSV.")
        for path, entry in entries.items():
            written.writestr(path, packed.read(entry))  # never more than it says
    return plain.getvalue()


def cells_of(name: str, rows: Sequence[Sequence[object]], first: int) -> Cells:
    """The rows of a sheet as cells; what is empty as a whole, a row or a column without a name, is left out.

    Args:
        first: the number of the first row in the sheet, from 0.
    """
    above = rows_above(rows)
    require(len(rows) > above + 1, f"{name} has no records; give at least one row below the names.")
    names, *rows = rows[above:]
    start = first + above + 2
    kept = [(place, row) for place, row in enumerate(rows, start=start) if any(cell != "" for cell in row)]
    columns = [
        (str(as_value(column)) if column != "" else "", [as_value(row[place]) for _, row in kept])
        for place, column in enumerate(names)
        if column != "" or any(row[place] != "" for _, row in kept)
    ]
    note = f"its names are in row {start - 1}, and what is above is left out" if above else ""
    return replace(frames.cells_of(name, columns), places=[f"row {place}" for place, _ in kept], note=note)


def rows_above(rows: Sequence[Sequence[object]]) -> int:
    """How many rows stand above the names: of one cell each at most, above a row of different texts in all columns.

    Of two columns or less the second row may be a record as well, of a column that was given no name.
    """
    width = sum(any(row[place] != "" for row in rows) for place in range(len(rows[0]) if rows else 0))
    for above, row in enumerate(rows[:HIGHEST]):
        there = [cell for cell in row if cell != ""]
        if len(there) > 1:
            is_header = all(isinstance(cell, str) for cell in there) and len(set(there)) == len(there) == width
            return above if is_header and width > 2 else 0
    return 0


def as_value(cell: object) -> Raw:
    """A cell as other tables have it: a sheet has 3.0 for 3, and an empty text where there is nothing."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return int(cell)
    return None if cell == "" else cell
