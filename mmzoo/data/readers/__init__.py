"""The readers: one file a kind of source. Each opens what it knows as a `Source`.

    @readers.register("name")
    class Name(FileReader):
        endings = (".name",)

        def parse(self, name, data, ending, encoding): ...  # the bytes of a file as `Cells`

A reader of something else than files with cells is a `Reader`: `fits` says whether a source is its own, `open` opens
it. Whoever has a source asks `reader_of`: nobody else knows what is read by whom.
"""

from __future__ import annotations

from pathlib import Path

from mmzoo.aliases import Raw
from mmzoo.data.readers.base import Reader
from mmzoo.data.schema.options import is_there
from mmzoo.errors import MMZooError, unknown
from mmzoo.registry import Registry

readers: Registry[type[Reader]] = Registry("reader", __name__)


def reader_of(source: Raw, label: str = "", sheet: str = "") -> Reader:
    """The reader of a source, the first by name that it fits.

    Args:
        source: a path or a name as a text, or a table in memory.
        label: the column to be predicted; "" where it was not said.
        sheet: of a workbook; of a source that has none it means nothing.

    Raises:
        MMZooError: nobody reads such a thing.
    """
    for name in readers.names():
        if (reader := readers[name]()).fits(source, label):
            reader.sheet = sheet if reader.has_sheets else ""
            return reader
    if not isinstance(source, str):
        raise MMZooError(
            f"A table is a file, a DataFrame, an Arrow table, a mapping of columns or a list of rows, "
            f"not {type(source).__name__}; convert it to one of these."
        )
    if not Path(source).suffix and not is_there(source):
        from mmzoo.data.readers.included import datasets

        raise unknown("data set", source, datasets.names())
    *most, last = sorted(ending for name in readers.names() for ending in readers[name].endings)
    raise MMZooError(f"The table '{source}' must end in {', '.join(most)} or {last}, or in .gz after it; convert it.")


def is_path(source: str) -> bool:
    """Is it a path, and not a name in another place?"""
    prefixes = tuple(readers[name].prefix for name in readers.names() if readers[name].prefix)
    return not source.startswith(prefixes)
