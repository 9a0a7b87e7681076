"""Files that users give, by their path or as their bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

from mmzoo.aliases import Raw
from mmzoo.errors import DataError, require_data
from mmzoo.files import MAX_FILE, read_file


def unwrapped(value: Raw) -> Raw:
    """What a dict stands for as Hugging Face's datasets give files, `{"bytes", "path"}`; anything else as it is."""
    if not isinstance(value, Mapping) or "array" in value or not value.keys() & {"bytes", "path"}:
        return value
    return value.get("path") if value.get("bytes") is None else value["bytes"]


@contextmanager
def reading(origin: str) -> Iterator[None]:
    """A file that is missing or cannot be read is a `DataError` that calls it by `origin`."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{origin} does not exist; check the path.", "missing_file") from None
    except OSError as error:
        message = f"{origin} cannot be read ({error.strerror}); check the path and its permissions."
        raise DataError(message, "unreadable_file") from None


File: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview
"""What a file may be given as: its path, or its bytes."""
FILES = (str, os.PathLike, bytes, bytearray, memoryview)
"""The classes of a `File`."""


def origin_of(value: Raw, what: str) -> str:
    """How an error calls a file that is given as its path or its bytes."""
    return f"The {what} file '{value}'" if isinstance(value, (str, os.PathLike)) else f"The {what} given as bytes"


def read_bytes(value: Raw, what: str, limit: int = MAX_FILE) -> tuple[bytes, str]:
    """The bytes of a file of at most `limit` bytes (or those given), and how an error calls them."""
    value = unwrapped(value)
    if not isinstance(value, FILES):
        kind = f"The {what} must be a path or the bytes of a file, not {type(value).__name__}."
        raise DataError(kind, "wrong_kind")
    origin = origin_of(value, what)
    if isinstance(value, (str, os.PathLike)):
        with reading(origin):
            data = read_file(value, limit=limit)
    else:
        data = bytes(value)
    require_data(data, "empty_file", f"{origin} is empty (0 bytes); give a complete file or leave this input out.")
    return data, origin
