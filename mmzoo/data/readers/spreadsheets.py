"""Tables in the files of spreadsheets: Excel's and LibreOffice's."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace

from mmzoo.aliases import Raw
from mmzoo.data.cells import Cells
from mmzoo.data.readers import frames, readers
from mmzoo.data.readers.base import FileReader
from mmzoo.errors import MMZooError, require

MOST = 2**28
"""Bytes of a workbook when it is unpacked."""


@readers.register("spreadsheets")
class Spreadsheets(FileReader):
    """The first sheet of a workbook that has any cells; its first row has the names. Read by python-calamine.

    A cell with a formula has the value that was last computed and stored; nothing is computed here.
    """

    endings = (".xlsx", ".xls", ".xlsb", ".ods")

    def parse(self, name: str, data: bytes, ending: str, encoding: str) -> Cells:
        try:
            import python_calamine as calamine
        except ImportError as error:
            raise MMZooError(f"{name} needs python-calamine; install it: pip install python-calamine.") from error
        try:
            book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(unpacked(name, data)))
            sheets = ((sheet, book.get_sheet_by_name(sheet)) for sheet in book.sheet_names)
            title, first, rows = next(
                ((sheet, found.start[0], found.to_python()) for sheet, found in sheets if found.start), ("", 0, [])
            )
        except MMZooError:
            raise
        except Exception as error:  # the library has a dozen kinds
            said = str(error).strip().partition("\n")[0][:120]
            raise MMZooError(f"{name} is no workbook that can be read ({said}); save it again, or as CSV.") from None
        cells = cells_of(name, rows, first)
        others = len(book.sheet_names) - 1
        return replace(cells, note=f"its sheet '{title}' is read, {others} more are not") if others else cells


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
    require(len(rows) > 1, f"{name} has no records; give at least one row below the names.")
    names, *rows = rows
    kept = [(place, row) for place, row in enumerate(rows, start=first + 2) if any(cell != "" for cell in row)]
    columns = [
        (str(as_value(column)) if column != "" else "", [as_value(row[place]) for _, row in kept])
        for place, column in enumerate(names)
        if column != "" or any(row[place] != "" for _, row in kept)
    ]
    return replace(frames.cells_of(name, columns), places=[f"row {place}" for place, _ in kept])


def as_value(cell: object) -> Raw:
    """A cell as other tables have it: a sheet has 3.0 for 3, and an empty text where there is nothing."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return int(cell)
    return None if cell == "" else cell
