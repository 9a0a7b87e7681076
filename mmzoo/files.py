"""Writing a file so that it is never half there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from mmzoo.errors import MMZooError


def write_file(path: Path, data: bytes) -> None:
    """Write `data` so that `path` is either what it was or complete, whenever the machine stops.

    It is written beside, flushed and renamed; then the folder's entry is flushed.

    Raises:
        MMZooError: the disk is full or the folder cannot be written.
    """
    beside = path.with_name(path.name + ".new")
    try:
        with open(beside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        flush_folder(path.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise MMZooError(
            f"'{path}' could not be written ({error.strerror}); free some space or choose another folder."
        ) from error


def write_figure(figure: Any, path: Path, **options: Any) -> None:
    """Write a figure of matplotlib as a picture, and let go of it.

    Raises:
        MMZooError: the folder cannot be written, or the path's ending is no kind of picture.
    """
    from matplotlib import pyplot

    try:
        figure.savefig(path, **options)
    except (OSError, ValueError) as error:
        raise MMZooError(
            f"The picture '{path}' could not be written ({error}); give a path that ends in .png."
        ) from error
    finally:
        pyplot.close(figure)


def flush_folder(folder: Path) -> None:
    """Flush a folder's names to the disk; where a system cannot open folders (Windows) its renames stand alone."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def bytes_of(size: str) -> int:
    """A size as it is written: 5MB, 800 kB, 1.5e6."""
    found = re.fullmatch(r"\s*([0-9.]+(?:e[0-9]+)?)\s*([kmg]?)b?\s*", size.lower())
    try:
        number, unit = found.groups() if found else ("", "")
        return int(float(number) * {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}[unit])
    except (ValueError, OverflowError):
        raise MMZooError(f"A size is written like 5MB or 800kB, not '{size}'.") from None
