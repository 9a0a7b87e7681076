"""The sounds of a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.data.readers import reader_of
from mmzoo.data.readers.base import CellReader
from mmzoo.data.schema.options import Options, check_root
from mmzoo.data.tables.reading import Converter
from mmzoo.errors import DataError, unknown
from mmzoo.modalities.audio.slaney import RATE
from mmzoo.modalities.tabular.cells import says_nothing


def sounds_of(
    source: str, column: str, *, root: str = "", allow_outside: bool = False, rate: int = RATE
) -> tuple[list[Raw], list[dict[str, Raw]]]:
    """The sounds in a column of a table, shards or a data set, no samples where there is none and a `DataError` for a
    bad cell; and what stands beside them, by column, as it is written. Of a data set that is its ids.

    Args:
        root: the folder of its files, which they may not lead out of; the table's own if not given.
        rate: of waveforms that are given as arrays of numbers alone, in Hz.

    Raises:
        MMZooError: it cannot be read, or has no such column.
    """
    reader = reader_of(source)
    if not isinstance(reader, CellReader):
        sounds: list[Raw] = []
        ids: list[str] = []
        for records in reader.open(source, Options()).splits.values():
            if column not in records.columns:
                raise unknown(f"column in '{source}' called", column, records.columns)
            given = records.columns[column]
            sounds += [(each, rate) if isinstance(each, np.ndarray) else there(each) for each in given]
            ids += records.ids
        return sounds, [{"id": each} for each in ids]
    cells = reader.read(source)
    if column not in cells.columns:
        raise unknown(f"column in {cells.name[0].lower()}{cells.name[1:]} called", column, cells.columns)
    converter = Converter(check_root(root or Path(source).parent), allow_outside, cells.places)
    given = [None if says_nothing(value) else value for value in cells.columns[column]]
    sounds = [there(each) for each in converter.each(column, "audio", given)]
    plain = {
        name: [None if isinstance(value, (DataError, bytes)) else value for value in values]
        for name, values in cells.columns.items()
    }
    return sounds, [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]


def there(value: object) -> Raw:
    """A sound, or one of no samples where there is none."""
    return np.zeros(0, np.float32) if value is None else value
