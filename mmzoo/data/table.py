"""Tables of a user's own: CSV, TSV, JSON lines, Parquet or a DataFrame, to records and to a spec that fits them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmzoo.data.records import Records, is_missing
from mmzoo.errors import MMZooError, require, unknown
from mmzoo.modalities.base import read_bytes

ENDINGS = {
    "image": (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp"),
    "audio": (".wav", ".flac", ".ogg", ".opus", ".mp3"),
    "video": (".mp4", ".webm", ".mov", ".mkv", ".avi"),
    "sensor": (".npy",),
}
KINDS = (*ENDINGS, "text", "number", "category", "ignore")
MOST_CATEGORIES = 50  # different values of a column that are taken for categories, not for text


class Table(Records):
    """Records that know what their columns are.

    kinds: by column, "image", "audio", "video" or "sensor" (paths), "text", "number", "category" or "ignore".
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]], ids: Sequence[str], kinds: dict[str, str]) -> None:
        super().__init__(columns, ids)
        self.kinds = kinds

    def select(self, positions: Sequence[int]) -> Table:
        """The records at `positions`, in that order."""
        chosen = super().select(positions)
        return Table(chosen.columns, chosen.ids, self.kinds)


def read_table(
    source: Any,
    *,
    root: str | Path | None = None,
    kinds: dict[str, str] | None = None,
    allow_outside: bool = False,
) -> Table:
    """The records of a table, and what its columns are: guessed, and said in a line each.

    Args:
        source: a .csv, .tsv, .jsonl or .parquet file, a folder of shards, or a pandas DataFrame. The first line of a
            CSV has the names.
        root: the folder that paths in the table are relative to; the table's own, if not given. A path that
            leads out of it is refused.
        allow_outside: paths may lead out of `root`.
        kinds: what columns are, where the guess is wrong: `{"zip_code": "category", "notes": "ignore"}`.

    Raises:
        MMZooError: the table cannot be read, is empty, or a path leads out of `root`.
    """
    if isinstance(source, (str, Path)) and Path(source).is_dir():
        from mmzoo.data.shards import read_shards

        return read_shards(source)
    name, rows = rows_of(source)
    require(rows, f"{name} has no records; give at least one line below the names.")
    names = list(dict.fromkeys(key for row in rows for key in row))
    columns = {key: [None if is_missing(row.get(key)) else row[key] for row in rows] for key in names}
    chosen = dict(kinds or {})
    for column, kind in chosen.items():
        if column not in columns:
            raise unknown("column called", column, columns)
        if kind not in KINDS:
            raise unknown("kind of column called", kind, KINDS)
    found = {column: chosen.get(column) or guess(values) for column, values in columns.items()}
    home = Path(root) if root is not None else Path(source).parent if isinstance(source, (str, Path)) else Path()
    for column, kind in found.items():
        if kind in ENDINGS:
            columns[column] = [
                None if value is None else inside(home, str(value), allow_outside) for value in columns[column]
            ]
        elif kind == "number":
            columns[column] = [None if value is None else number(column, value) for value in columns[column]]
        elif kind in ("text", "category"):
            columns[column] = [None if value is None else str(value) for value in columns[column]]
    ids = [str(value) for value in columns.get("id", [])]
    return Table(columns, ids if len(set(ids)) == len(rows) else [f"line {k + 2}" for k in range(len(rows))], found)


def rows_of(source: Any) -> tuple[str, list[dict[str, Any]]]:
    """What an error calls the table, and its rows."""
    if hasattr(source, "to_dict") and hasattr(source, "columns"):
        return "The DataFrame", [dict(row) for row in source.to_dict("records")]
    path = Path(source)
    name, ending = f"The table '{path}'", path.suffix.lower()
    if ending == ".parquet":
        try:
            import pandas
        except ImportError as error:
            raise MMZooError(f"{name} needs pandas and pyarrow; install them: pip install pandas pyarrow.") from error
        return name, [dict(row) for row in pandas.read_parquet(path).to_dict("records")]
    require(ending in (".csv", ".tsv", ".jsonl"), f"{name} must end in .csv, .tsv, .jsonl or .parquet; convert it.")
    text = read_bytes(path, "table")[0].decode("utf-8-sig", "replace")
    if ending == ".jsonl":
        return name, [json_row(name, number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    reader = csv.DictReader(io.StringIO(text), dialect="excel-tab" if ending == ".tsv" else "excel")
    rows = []
    for row in reader:
        extra = None in row or None in row.values()
        require(not extra, f"{name} has another number of fields in line {reader.line_num} than in the first; mend it.")
        rows.append(dict(row))
    return name, rows


def json_row(name: str, number: int, line: str) -> dict[str, Any]:
    """One line of JSON lines."""
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise MMZooError(f"{name} has no JSON in line {number} ({error.msg}); mend it.") from None
    require(isinstance(row, dict), f"Line {number} of {name.lower()} must be a JSON object.")
    return dict(row)


def guess(values: Sequence[Any]) -> str:
    """What a column is, from what stands in it."""
    there = [value for value in values if value is not None]
    if not there:
        return "ignore"
    for kind, endings in ENDINGS.items():
        if all(str(value).lower().endswith(endings) for value in there):
            return kind
    if all(is_number(value) for value in there):
        return "number"
    different = len({str(value) for value in there})
    # Few values that come again and again are categories; sentences, and what is different everywhere, are text.
    few = different <= MOST_CATEGORIES and different <= max(len(there) / 2, 2)
    return "category" if few and max(len(str(value)) for value in there) <= 40 else "text"


def is_number(value: Any) -> bool:
    """Does it read as a number?"""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def number(column: str, value: Any) -> float:
    """A number of a column."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise MMZooError(f"Column '{column}' must hold numbers, not {value!r}; mend it or give its kind.") from None


def inside(root: Path, value: str, allow_outside: bool = False) -> str:
    """The path of a file below `root`."""
    path = (root / value).resolve()
    require(
        allow_outside or path.is_relative_to(root.resolve()),
        f"The path '{value}' leads out of '{root}'; move the file there, give another root, or allow_outside=True.",
    )
    return str(path)


def input_name(column: str) -> str:
    """A column's name as the name of an input."""
    name = re.sub(r"[^a-z0-9_]+", "_", column.lower()).strip("_")[:40]
    return name if name[:1].isalpha() else f"column_{name}"[:40]
