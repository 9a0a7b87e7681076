"""What many columns have in common is said once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest

from mmzoo.cli import main
from mmzoo.data.guess import explained_spec
from mmzoo.data.schema.told import MANY, Told, column_lines, names_of
from mmzoo.data.sources import read_table


def test_a_few_columns_have_a_line_each() -> None:
    few = [Told(f"m{k}", f"m{k}", "number") for k in range(MANY)]
    assert column_lines(few) == [f"m{k}: number" for k in range(MANY)]
    other = [Told("A b", "a_b", "text", "long", 3)]
    assert column_lines(other) == ["A b -> a_b: text (missing in 3; long)"]


def test_many_have_one() -> None:
    note = "the same in every record; --kind {}=number makes it an input"
    columns = [Told("a", "a", "text")]
    for k in range(40):
        columns.append(Told(f"m{k}", f"m{k}", "number", "", k % 7))
        columns.append(Told(f"n {k}", f"n {k}", "ignore", note.format(f"'n {k}'")))
    assert column_lines(columns) == [
        "a: text",
        "m0 ... m39: number (40 columns; missing in 0 to 6)",
        f"n 0 ... n 39: ignore (40 columns; {note.format('COLUMN')})",
    ]
    assert names_of(["a", "b"]) == "a, b"
    assert names_of([f"m{k}" for k in range(40)]) == "m0, m1 ... m39 (40 columns)"


def test_both_commands_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    frame = pandas.DataFrame(random.normal(size=(40, 50)).round(3), columns=[f"m{k}" for k in range(50)])
    frame.iloc[3] = 1000.0
    frame["kind"] = ["a", "b"] * 20
    frame.to_csv(tmp_path / "a.csv", index=False)
    _, _, lines = explained_spec(read_table(tmp_path / "a.csv"), "kind")
    assert lines[:2] == ["m0 ... m49: number (50 columns)", "row: tabular, of m0, m1 ... m49 (50 columns)"]
    assert main(["data", "check", f"{tmp_path / 'a.csv'}#kind"]) == 0
    said = capsys.readouterr().out
    assert "\n  m0 ... m49: number (50 columns)\n  kind: category (2 labels)\n" in said
    assert said.count("Far from the others in m") == MANY
    assert "Far from the others also in m10, m11 ... m49 (40 columns)" in said
