"""What the tests of answers to a table share: the table, and how the command is asked."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmzoo.cli import main

ROOT = Path(__file__).parents[2]
KINDS = ("cat", "dog", "bird")


def write_table(path: Path, count: int, seed: int = 0, **changes: Callable[[int], object]) -> Path:
    """A table whose three inputs tell the label."""
    random = np.random.default_rng(seed)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        columns = ["species", "Weight in kg", "colour", "Note", *(name for name in changes if name == "extra")]
        writer.writerow(columns)
        for k in range(count):
            kind = int(random.integers(3))
            row: dict[str, object] = {
                "species": KINDS[kind],
                "Weight in kg": round(10 * kind + random.normal(), 3),
                "colour": "rgb"[kind],
                "Note": f"it says {('miaow', 'wuff', 'tweet')[kind]} {k} times today",
            }
            row |= {name: change(k) for name, change in changes.items()}
            writer.writerow([row[name] for name in columns])
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def record_of(row: dict[str, str]) -> dict[str, Any]:
    return {"note": row["Note"], "row": {"Weight in kg": row["Weight in kg"], "colour": row["colour"]}}


def ask(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    found = capsys.readouterr()
    return code, found.out, found.err
