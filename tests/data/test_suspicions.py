"""What is wrong with many tables is said before a model is trained on them."""

from __future__ import annotations

import math

import pytest

import mmzoo
from mmzoo.data.guess import load_named
from mmzoo.data.schema.layout import Layout
from mmzoo.data.schema.options import Options, TableName
from mmzoo.data.tables.labels import decided


def said(columns: dict[str, list[object]], **options: object) -> list[str]:
    return load_named(TableName("t", "y", Options(**options)), mmzoo.read_table(columns)).lines  # type: ignore[arg-type]


def test_a_column_that_has_the_answer() -> None:
    answers = ["yes" if k % 3 else "no" for k in range(60)]
    numbers = [k + 0.5 for k in range(60)]
    lines = said({"x": numbers, "copy": [each.upper() for each in answers], "y": answers})
    assert "copy: left out, since it says what the label 'y' says; --kind copy=category makes it an input" in lines
    lines = said({"x": numbers, "alive": [int(each == "yes") for each in answers], "y": answers})
    assert [line for line in lines if "the column 'alive' GIVES THE ANSWER AWAY" in line]
    assert not [line for line in said({"x": numbers, "y": answers}) if line.startswith("warning")]


def test_the_same_content() -> None:
    columns: dict[str, list[object]] = {
        "x": [k + 0.25 for k in range(60)],
        "split": ["train"] * 30 + ["val"] * 10 + ["test"] * 20,
        "y": ["ab"[k % 2] for k in range(60)],
    }
    assert not [line for line in said(columns) if line.startswith("warning")]
    columns["x"][50] = columns["x"][4]
    columns["x"][7] = columns["x"][4]
    lines = [line for line in said(columns) if line.startswith("warning")]
    assert len(lines) == 2
    assert "3 records hold the same as another and have another label, such as row 4 and row 7" in lines[0]
    assert "1 test records hold the same as one for training, such as row 50 and row 4" in lines[1]


def test_most_records_without_a_label() -> None:
    columns = {"x": [k + 0.25 for k in range(60)], "y": [None if k % 3 else "ab"[k % 2] for k in range(60)]}
    assert "warning: most records have no label, 40 of 60." in said(columns)


@pytest.mark.parametrize(
    ("numbers", "task"),
    [
        ([k % 13 + k // 13 % 13 for k in range(1690)], "regression"),  # as two dice fall
        ([k % 20 for k in range(2000)], ""),
        ([k % 5 + 1 for k in range(200)], ""),
        ([(7 * k % 40 if k % 3 else 7) for k in range(2000)], ""),
    ],
)
def test_counts_and_codes(numbers: list[int], task: str) -> None:
    assert decided([str(number) for number in numbers])[0] == task


def test_a_leak_is_named_once_with_what_to_do_and_kept_for_the_report() -> None:
    """Recoded one to one, or a number in other units."""
    answers = ["yes" if k % 3 else "no" for k in range(60)]
    columns: dict[str, list[object]] = {
        "x": [k + 0.5 for k in range(60)],
        "is it": ["A7" if k % 3 else "B9" for k in range(60)],
    }
    found = load_named(TableName("t", "y"), mmzoo.read_table({**columns, "y": answers}))
    (line,) = [line for line in found.lines if "'is it'" in line]
    assert line.startswith("warning: the column 'is it' GIVES THE ANSWER AWAY") and "--kind 'is it=ignore'" in line
    for part in found.splits:
        assert part.layout is not None
        assert part.layout.warnings == (line.removeprefix("warning: "),)
        again = Layout.from_json(part.layout.to_json(), found.spec)
        assert again == part.layout
    degrees = [20 + 7 * math.sin(k) for k in range(60)]
    table = {"x": columns["x"], "f": [f"{1.8 * each + 32:.2f} °F" for each in degrees], "y": degrees}
    assert [line for line in said(table) if "the column 'f' GIVES THE ANSWER AWAY" in line]
    table["f"] = [each + 0.1 * math.cos(5 * k) for k, each in enumerate(degrees)]
    assert not [line for line in said(table) if "AWAY" in line]
