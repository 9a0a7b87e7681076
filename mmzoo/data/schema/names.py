"""The names of columns, which are any text, as names of inputs and tasks, which are not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from mmzoo.errors import MMZooError, check_name

ROW = "row"  # the input that all numbers and categories of a table make together
LONGEST = 40  # characters


def input_names(columns: Iterable[str]) -> dict[str, str]:
    """A name for each column of a table, all of them different: "Größe" is "grosse", "文章" as the third "column_3".

    They depend on the names of the columns and their places alone. A column whose name is one already keeps it.
    """
    columns = list(columns)
    wanted = {column: plain_name(column, place) for place, column in enumerate(columns, start=1)}
    found = {column: name for column, name in wanted.items() if column == name}
    taken = set(found.values())
    for column in columns:
        if column in found:
            continue
        name, number = wanted[column], 1
        while name in taken:
            number += 1
            name = f"{wanted[column][: LONGEST - len(f'_{number}')]}_{number}"
        found[column] = name
        taken.add(name)
    return {column: found[column] for column in columns}


def plain_name(column: str, place: int) -> str:
    """A column's name in lower-case letters of ASCII, digits and "_", or by its place where nothing is left of it."""
    folded = unicodedata.normalize("NFKD", column.casefold()).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9_]+", "_", folded).strip("_")
    if not name or not any(char.isalpha() for char in name):
        name = f"column_{name or place}"
    name = name if name[0].isalpha() else f"column_{name}"
    name = name[:LONGEST].rstrip("_")
    try:
        check_name("column", name)
    except MMZooError:  # one that is taken for other things
        return f"column_{name}"[:LONGEST]
    return name if name != ROW else f"column_{name}"
