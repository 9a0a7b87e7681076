"""What stands in a run's folder beside the model, read as if a stranger had written it: settings, history, machine."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import NotRequired, TypeAlias, TypedDict, cast

from mmzoo.aliases import Raw
from mmzoo.data.faults import Faults
from mmzoo.errors import MMZooError, check_number, require
from mmzoo.files import read_file
from mmzoo.files.limits import MAX_JSON, parse_json
from mmzoo.messages.words import one_line
from mmzoo.training.settings import Training

MAX_HISTORY = 2**28
MAX_WORDS = 2**16
NUMBERS = (int, float, type(None))
AGAIN = "copy the run's folder again, or train it anew"
Row: TypeAlias = dict[str, float | None]
"""A row of a history: "epoch", "seconds" and other numbers by name, None for one that is not finite."""


class Settings(TypedDict):
    """What a run was started with, as `run.json` has it.

    data: the name of a data set, or a table and its label; "" where the records have no name.
    training: what `Training.from_json` takes.
    columns: of a table, what `Layout.from_json` takes.
    stream: what a run over a stream was asked for.
    prototypes: what a run that was made of prototypes has beside its model.
    made_in: what tells its folder from a copy.
    """

    data: str
    training: dict[str, object]
    seed: int
    on_error: str
    budget: float
    columns: NotRequired[Raw]
    stream: NotRequired[Raw]
    prototypes: NotRequired[Raw]
    made_in: NotRequired[Raw]


def read_own(path: Path, limit: int, remedy: str = AGAIN) -> bytes:
    """A file of a run's folder.

    Raises:
        MMZooError: it is missing, no plain file, or over the limit; says so and the `remedy`.
    """
    try:
        return read_file(path, links=False, limit=limit)
    except FileNotFoundError:
        raise MMZooError(f"'{path}' is missing; {remedy}.") from None
    except OSError as error:
        raise MMZooError(f"'{path}' cannot be read ({error.strerror or error}); {remedy}.") from None


def read_object(path: Path, remedy: str = AGAIN) -> dict[str, Raw]:
    """The JSON object in a file of a run's folder."""
    found = parse_json(f"'{path}'", read_own(path, MAX_JSON, remedy), remedy)
    if not isinstance(found, dict):
        raise MMZooError(f"'{path}' must hold an object, not {type(found).__name__}; {remedy}.")
    return found


def read_settings(folder: Path) -> Settings:
    """`run.json`: "data" (a text), "training" (what `Training` takes), "seed", "on_error", "budget", "made_in"."""
    path = folder / "run.json"
    found = read_object(path)
    for key, kind, words in (("data", str, "a text"), ("training", dict, "an object"), ("seed", int, "a whole number")):
        require(key in found, f"'{path}' has no '{key}'; {AGAIN}.")
        require(type(found[key]) is kind, f"The '{key}' in '{path}' must be {words}; {AGAIN}.")
    settings = cast(Settings, {"on_error": "error", "budget": 0.01, **found})
    try:
        settings["data"].encode()
        check_number("The seed", settings["seed"], 0, 2**32 - 1, whole=True)
        Training.from_json(settings["training"])
        Faults(settings["on_error"], settings["budget"])
    except Exception as error:  # a stranger's values may be of any kind
        raise MMZooError(f"The settings in '{path}' cannot be used ({one_line(error)}); {AGAIN}.") from error
    return settings


def usual_settings(data: str) -> Settings:
    """Those of a model without a run.

    Args:
        data: what it was trained on. Only the name of a data set leads to records.
    """
    named = data if data.isidentifier() else ""
    return {"data": named, "training": Training().to_json(), "seed": 0, "on_error": "error", "budget": 0.01}


def read_history(folder: Path) -> list[Row]:
    """The rows of `history.jsonl`: "epoch", "seconds" and other numbers by name, None for one that is not finite."""
    path = folder / "history.jsonl"
    remedy = "remove it, or copy the run's folder again"
    if not os.path.lexists(path):
        return []
    rows: list[Row] = []
    try:
        text = read_own(path, MAX_HISTORY, remedy).decode("utf-8")
        for line in text.split("\n"):
            if line:
                row = json.loads(line, parse_constant=lambda _: None)
                if not isinstance(row, dict) or not all(type(value) in NUMBERS for value in row.values()):
                    raise ValueError("a line is not an object of numbers")
                if type(row.get("epoch")) is not int or type(row.get("seconds")) not in (int, float):
                    raise ValueError("a line has no 'epoch' or 'seconds'")
                rows.append(row)
    except MMZooError:
        raise
    except (ValueError, RecursionError) as error:
        raise MMZooError(f"'{path}' is damaged ({one_line(error)}); {remedy}.") from None
    return rows


def history_text(rows: list[Row]) -> bytes:
    """`history.jsonl` of rows: a line an epoch, null for a number that is not finite."""
    plain = [
        {name: None if value is None or not math.isfinite(value) else value for name, value in row.items()}
        for row in rows
    ]
    return "".join(json.dumps(row, allow_nan=False) + "\n" for row in plain).encode()


def read_machine(folder: Path) -> str:
    """What a run was begun on, in one line."""
    path = folder / "machine.txt"
    if not os.path.lexists(path):
        return "not known"
    remedy = "remove it, or copy the run's folder again"
    try:
        return one_line(read_own(path, MAX_WORDS, remedy).decode("utf-8"))
    except UnicodeDecodeError:
        raise MMZooError(f"'{path}' is damaged (it is not UTF-8); {remedy}.") from None
