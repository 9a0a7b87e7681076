"""Answers and vectors that others compute: the same bytes as here, gone on with after any end, faults counted alike."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.pipelines.beam import Pipeline
from tests.answers.case import ask, write_table
from tests.pipelines.case import InProcess

pytestmark = pytest.mark.usefixtures("small")


@pytest.fixture(autouse=True)
def one_model(run: mmzoo.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's run is ours, whose model is loaded."""
    monkeypatch.setattr("mmzoo.run.workers.opened_run", lambda *_: run)


def without_times(words: str) -> list[str]:
    """What a command has said, but for where and how fast."""
    return re.sub(r"\S+\.csv|[0-9.]+ s\b|\(.* were there already\)", "", words).split()


def test_the_same_bytes(run: mmzoo.Run, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten of a hundred records cannot be used; stopped by the first of them, and gone on with without them."""
    monkeypatch.setattr("mmzoo.pipelines.beam.Pipeline._compute", InProcess._compute)
    odd = {"Weight in kg": lambda k: "heavy" if k % 10 == 9 and k > 20 else k}
    table = write_table(tmp_path / "new.csv", 100, 1, **odd)
    whole, out = tmp_path / "whole.csv", tmp_path / "answers.csv"
    asked = ("predict", run.folder, table, "--explain", "--columns", "all", "--budget", "0.2")
    code, here, _ = ask(capsys, *asked, "--on-error", "skip", "--out", whole)
    assert code == 0, here
    asked = (*asked, "--out", out, "--runner", "DirectRunner")
    code, _, told = ask(capsys, *asked)
    assert (code, "Record 'line 31': Column 'Weight in kg' has 'heavy'" in told) == (2, True), told
    assert (tmp_path / "answers.csv.units" / "unit-00000000").exists()
    code, there, told = ask(capsys, *asked, "--on-error", "skip")
    assert (code, out.read_bytes()) == (0, whole.read_bytes()), told
    assert without_times(there) == without_times(here)
    assert {path.name for path in tmp_path.iterdir()} == {"new.csv", "whole.csv", "answers.csv"}
    code, _, told = ask(capsys, "predict", run.folder, "--runner", "DirectRunner", "--text", "miaow")
    assert (code, "--runner is for the answers to a table" in told) == (2, True)
    code, _, told = ask(capsys, "embed", run.folder, table, "--out", out, "--runner-option", "a=1", "--overwrite")
    assert (code, "--runner-option is of a --runner" in told) == (2, True)


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_vectors_of_any_table(run: mmzoo.Run, tmp_path: Path, ending: str) -> None:
    """A table whose records can be counted only by reading it, and a Parquet file of groups that fit no piece."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(write_table(tmp_path / "new.csv", 60, 1))
    table = tmp_path / f"new{ending}"
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet(table, row_group_size=7)
    else:
        frame.to_json(table, orient="records", lines=True)
    run.write_vectors(table, tmp_path / "whole.jsonl", columns=("species",))
    done = run.write_vectors(table, tmp_path / "spread.jsonl", columns=("species",), pipeline=InProcess())
    assert done.records == 60
    assert (tmp_path / "spread.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_a_table_without_records(run: mmzoo.Run, tmp_path: Path) -> None:
    table = write_table(tmp_path / "new.csv", 0)
    said = []
    for pipeline in (None, InProcess()):
        with pytest.raises(MMZooError) as caught:
            run.write_answers(table, tmp_path / "answers.csv", pipeline=pipeline, overwrite=True)
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_beam(run: mmzoo.Run, tmp_path: Path) -> None:
    """Beam itself, by what it pickles for its workers."""
    pytest.importorskip("apache_beam", reason="the extra beam is not installed")
    table = write_table(tmp_path / "new.csv", 60, 1)
    run.write_answers(table, tmp_path / "whole.csv", explain=True)
    run.write_answers(table, tmp_path / "spread.csv", explain=True, pipeline=Pipeline())
    assert (tmp_path / "spread.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
