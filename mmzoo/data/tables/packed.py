"""Tables that are packed by gzip: their names end in ".gz" after the ending of what they are."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from mmzoo.errors import DataError, MMZooError, require
from mmzoo.files import MAX_FILE, open_plain
from mmzoo.modalities.files import reading

ENDING = ".gz"


def is_packed(source: str) -> bool:
    """Does its name say that it is packed?"""
    return source.lower().endswith(ENDING)


def ending_of(source: str) -> str:
    """How the name of a table ends, in small letters; that of what is packed, if it is."""
    path = Path(source)
    return (path.with_suffix("") if is_packed(source) else path).suffix.lower()


@contextmanager
def as_whole() -> Iterator[None]:
    """What is wrong with the file of a table is no fault of a record, which could be left out."""
    try:
        yield
    except DataError as error:
        raise MMZooError(str(error)) from None


@contextmanager
def opened(source: str) -> Iterator[io.BufferedReader]:
    """The bytes of a table, unpacked on the way.

    Raises:
        MMZooError: it cannot be read, or what is packed is damaged.
    """
    name = f"The table '{source}'"
    with as_whole(), reading(name):
        handle, _ = open_plain(source)
        with os.fdopen(handle, "rb") as file:
            if not is_packed(source):
                yield file
                return
            try:
                yield io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=file)))
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise MMZooError(f"{name} is no whole gzip file ({error}); get or pack it again.") from None


def unpacked(source: str, limit: int = MAX_FILE) -> bytes:
    """All bytes of a packed table.

    Raises:
        MMZooError: see `opened`; or there are more than `limit` of them.
    """
    with opened(source) as file:
        data = file.read(limit + 1)
    require(len(data) <= limit, f"The table '{source}' has over {limit} bytes when it is unpacked; split it.")
    require(data, f"The table '{source}' is empty (0 bytes) when it is unpacked; give a complete file.")
    return data
