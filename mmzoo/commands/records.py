"""What commands that take one record have in common."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mmzoo.errors import MMZooError, require
from mmzoo.words import one_line


def add(sub: argparse.ArgumentParser) -> None:
    """A run, and the inputs of one record."""
    sub.add_argument("run", type=Path, help="a run's folder")
    sub.add_argument("--image", metavar="FILE", help="JPEG, PNG, GIF or BMP")
    sub.add_argument("--text", metavar="TEXT")
    sub.add_argument("--audio", metavar="FILE", help="WAV, FLAC, Ogg, MP3")
    sub.add_argument("--video", metavar="FILE", help="MP4, WebM, GIF")
    sub.add_argument("--sensor", metavar="FILE", help="CSV or .npy of numbers")
    sub.add_argument(
        "--input", action="append", default=[], metavar="NAME=VALUE", help="an input by its name in the spec"
    )


def record_of(run: Any, args: argparse.Namespace) -> dict[str, Any]:
    """The record that was asked for, by the names of the run's inputs."""
    record: dict[str, Any] = {}
    for kind in ("image", "text", "audio", "video", "sensor"):
        value = getattr(args, kind)
        if value is not None:
            names = [item.name for item in run.spec.inputs if item.kind == kind]
            require(names, f"The model has no {kind} input; it has: {', '.join(run.spec.input_names)}.")
            require(len(names) == 1, f"The model has several {kind} inputs; say which: --input {names[0]}=...")
            record[names[0]] = value
    for setting in args.input:
        name, equals, value = setting.partition("=")
        require(equals, f"An input is written NAME=VALUE, not '{setting}'.")
        require(name not in record, f"The input '{name}' is given twice; give it once.")
        rows = {item.name: item for item in run.spec.inputs if item.kind == "tabular"}
        record[name] = row_of(rows[name], value) if name in rows else value
    return record


def row_of(item: Any, value: str) -> Any:
    """A row of a table, written as a JSON object.

    Raises:
        MMZooError: it is none, or has a column that the model does not know: one that is misspelt would be missing.
    """
    from mmzoo.data.readers.json_lines import unique

    name = item.name
    try:
        row = json.loads(value, object_pairs_hook=unique)
        require(isinstance(row, dict), "")
    except (ValueError, RecursionError):
        raise MMZooError(
            f"Input '{name}' is a row: write --input '{name}={{\"column\": value}}', not '{one_line(value, 200)}'."
        ) from None
    item.check_columns(row)
    return row
