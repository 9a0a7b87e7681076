"""Files that a table names and that are not where it says: are there some of their names below its folder?

Names alone are looked at, never beyond the folder that paths are relative to, and no link is followed.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath

from mmzoo.aliases import Raw
from mmzoo.data.schema.kinds import files, kind_of_path

MOST = 10_000
"""Files of a folder that are looked at."""

NOT_THERE = "none of its files is there"

TRIED = 20
"""Values of a column that are looked for, spread over it."""


@lru_cache(maxsize=4)
def files_below(folder: Path) -> Mapping[str, str]:
    """The files below a folder by their names, and where the first of each lies from there on; hidden ones apart."""
    found: dict[str, str] = {}
    count = 0
    for home, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            found.setdefault(name, (Path(home) / name).relative_to(folder).as_posix())
        count += len(names) + len(folders)
        if count > MOST:
            break
    return found


def some_of(values: Sequence[Raw]) -> list[str]:
    """Some of the texts among values."""
    texts = [value for value in values if isinstance(value, str)]
    return texts[:: max(len(texts) // TRIED, 1)][:TRIED]


def last_of(path: str) -> str:
    """The name of a file, by whichever system a path was written."""
    return re.split(r"[/\\]", path.strip())[-1]


def missing_note(root: Path, written: Sequence[Raw], paths: Sequence[Raw]) -> str:
    """What is to be done where no file of a column is there, but files of these names are; "" elsewhere.

    Args:
        written: its cells.
        paths: what was made of them.
    """
    some = some_of(paths)
    if not some or any(os.path.lexists(path) for path in some):
        return ""
    there = files_below(root)
    for text in some_of(written):
        if (found := there.get(last_of(text))) is None:
            continue
        parts = PurePosixPath(text.strip().replace("\\", "/")).parts
        said = f"{NOT_THERE}, but '{found}' is below '{root}'"
        if PurePosixPath(found).parts[-len(parts) :] == parts:
            home = root.joinpath(*PurePosixPath(found).parts[: -len(parts)])
            return f"{said}; --root {shlex.quote(str(home))}"
        return f"{said}; write the paths from there on"
    return ""


def stems_note(root: Path, values: Sequence[Raw]) -> str:
    """What is to be done where the cells of a column name files without their endings; "" elsewhere."""
    some = [text.strip() for text in some_of(values)]
    if not some or not all(re.fullmatch(r"\S{1,200}", text) for text in some):
        return ""
    stems = {Path(name).stem: place for name, place in files_below(root).items() if kind_of_path(name) in files()}
    if not all(last_of(text) in stems for text in some):
        return ""
    return f"files are called so, such as '{stems[last_of(some[0])]}': write the names with their endings"


def slashes_note(written: Sequence[Raw], paths: Sequence[Raw]) -> str:
    """How many paths with backslashes are read as if these were slashes."""
    pairs = zip(written, paths, strict=True)
    count = sum(
        isinstance(cell, str) and "\\" in cell and isinstance(path, str) and "\\" not in path for cell, path in pairs
    )
    return f"backslashes are read as slashes in {count} paths" if count else ""
