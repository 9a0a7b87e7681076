"""Columns as people have them: several labels in a cell, a split in capitals, numbers of patients, stray cells."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import pytest

import mmzoo
from mmzoo.data.guess import explained_spec
from mmzoo.data.rereading import Reread
from mmzoo.data.sources import open_source, read_table
from mmzoo.data.table import Table
from mmzoo.data.tables.labels import label_task
from mmzoo.inspection.check import check

GENRES = ("action", "comedy", "crime", "drama")


def written(path: Path, columns: dict[str, list[str]]) -> Path:
    """A CSV of some columns."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
    return path


@pytest.mark.parametrize("mark", ["|", "; ", ", "])
def test_several_labels_in_a_cell_are_labels_of_their_own(tmp_path: Path, mark: str) -> None:
    draw = random.Random(0)
    wanted = [sorted(draw.sample(GENRES, draw.randint(1, 3))) for _ in range(80)]
    columns = {"title": [f"film {k} of a kind" for k in range(80)], "genre": [mark.join(each) for each in wanted]}
    path = written(tmp_path / "films.csv", columns)
    spec, records, lines = explained_spec(read_table(path), "genre")
    (task,) = spec.tasks
    assert (task.kind, task.labels) == ("multi_label", GENRES)
    assert records.column("genre") == wanted
    assert any("--task classification takes each cell for one label" in line for line in lines)
    # And in a table that comes later.
    later = written(tmp_path / "later.csv", {"title": ["one more"], "genre": [mark.join(["drama", "crime"])]})
    (piece,) = Reread(spec, records.layout, labels=True).pieces(later, 10)
    assert piece.records.column("genre") == [["crime", "drama"]]
    # Whoever wants the cells as they are says so.
    whole, _, _ = label_task("genre", read_table(path), "genre", task="classification")
    assert whole.kind == "classification"


def test_labels_with_a_mark_in_them_stay_whole(tmp_path: Path) -> None:
    cells = ["Paris, France", "Lyon, France", "Rome, Italy"] * 10
    made, labels, _ = label_task("city", read_table(written(tmp_path / "a.csv", {"city": cells})), "city")
    assert made.kind == "classification"
    assert labels == cells


@pytest.mark.parametrize(("name", "cells", "heeded"), [
    ("Split", ["train", "val", "test"], True),
    ("SPLIT", ["Train", "Dev", "Testing"], True),
    ("Split", ["vertical", "train", "test"], False),
])  # fmt: skip
def test_a_split_in_capitals(tmp_path: Path, name: str, cells: list[str], heeded: bool) -> None:
    columns = {"x": [str(k * 0.37) for k in range(30)], name: cells * 10, "y": ["a", "b"] * 15}
    source = open_source(f"{written(tmp_path / 'a.csv', columns)}#y")
    sizes = {part: len(records) for part, records in source.splits.items()}
    assert (sizes == {"train": 10, "validation": 10, "test": 10}) == heeded
    assert (name in source.inputs) != heeded


def table_of_patients(names: list[str], column: str) -> Table:
    """Records of patients, some of whom came twice."""
    return mmzoo.read_table({column: names, "size": list(np.linspace(1, 9, len(names)))})


@pytest.mark.parametrize(("column", "kind"), [
    ("patient_id", "ignore"), ("Individual ID", "ignore"), ("weight", "number"), ("zip code", "number")
])  # fmt: skip
def test_names_of_patients_who_come_twice_are_no_input(column: str, kind: str) -> None:
    names = [str(1000 + 7 * (k % 75)) for k in range(100)]
    table = table_of_patients(names, column)
    assert table.kinds[column] == kind
    assert kind != "ignore" or "75 different ones of 100" in table.notes[column]


def test_what_hardly_any_record_has_is_no_input() -> None:
    notes = [None] * 299 + ["look at this one again"]
    table = mmzoo.read_table({"note": notes, "size": list(np.linspace(1, 9, 300))})
    assert table.kinds["note"] == "ignore"
    assert "in 1 of 300 records" in table.notes["note"]


def test_a_test_record_that_is_a_copy_is_a_leak(tmp_path: Path) -> None:
    """Also where it has neither files nor long texts."""
    draw = np.random.default_rng(0)
    numbers = [f"{x:.3f}" for x in draw.normal(size=40)]
    numbers[39] = numbers[0]
    columns = {"x": numbers, "split": ["train"] * 30 + ["test"] * 10, "y": ["a", "b"] * 20}
    columns["y"][39] = columns["y"][0]
    found = check(open_source(f"{written(tmp_path / 'a.csv', columns)}#y"))
    (leak,) = found.leaks
    assert leak == ("line 41", "line 2", "the same record")
