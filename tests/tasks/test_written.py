"""Numbers, dates and lists are read as people write them, by the whole of their column; a model reads them alike."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TypeVar

import numpy as np
import pytest

import mmzoo
from mmzoo.data.guess import load_named
from mmzoo.data.schema.guessed import guess
from mmzoo.data.schema.identifiers import Naming
from mmzoo.data.schema.options import TableName, told_kinds
from mmzoo.errors import MMZooError
from mmzoo.modalities.tabular.amounts import number_in
from mmzoo.modalities.tabular.cells import number_of, text_of
from mmzoo.modalities.tabular.dates import DatesWritten, date_of
from mmzoo.modalities.tabular.lists import ListsWritten, parts_of
from mmzoo.modalities.tabular.numbers import NumbersWritten

MOST = 0.9
Made = TypeVar("Made", NumbersWritten, DatesWritten, ListsWritten)


def counted(made: Made, cells: list[str]) -> Made:
    """With all cells added."""
    for cell in cells:
        made.add(cell)
    return made


def number_format(cells: list[str]) -> tuple[str, str] | None:
    return counted(NumbersWritten(), cells).format(MOST)


def date_format(cells: list[str]) -> tuple[str, str] | None:
    return counted(DatesWritten(), cells).format(MOST)


def list_format(cells: list[str]) -> str:
    return counted(ListsWritten(), cells).format


def is_compact(cells: list[str]) -> bool:
    return counted(DatesWritten(), cells).are_compact


def identifier(column: str, values: list[object]) -> str:
    numbers = sum(number_of(value) is not None for value in values)
    naming = Naming(are_numbers=numbers > len(values) / 2)
    for value in values:
        naming.add(text_of(value))
    return naming.why(column)


@pytest.mark.parametrize(
    ("cells", "form", "numbers"),
    [
        (["$1,000", "$2", "-$3.50"], ".$", [1000, 2, -3.5]),
        (["5 %", "10%", "7.5 %"], ".%", [5, 10, 7.5]),
        (["0,5", "1", "2,25"], ",", [0.5, 1, 2.25]),
        (["1\u00a0234,5", "1 234,0", "12,0"], ",", [1234.5, 1234, 12]),
        (["1.234,50", "2", "1.000.000,00"], ",", [1234.5, 2, 1e6]),
        (["(1,000)", "5", "1,234.5"], ".", [-1000, 5, 1234.5]),
        (["12 kg", "3kg", "7"], ".kg", [12, 3, 7]),
        (["€ 5", "6 €", "1.234 €", "2.500 €"], ",€", [5, 6, 1234, 2500]),  # three digits of cents are none
        (["1.234", "2.500"], "", [1.234, 2.5]),
        (["1,234", "5,678"], ".", [1234, 5678]),
        (["1,234", "5,6"], ",", [1.234, 5.6]),
        (["1'234.50", "2"], ".", [1234.5, 2]),
        (["1,00,000", "2"], ".", [100000, 2]),
        (["1.5E3", "-2e-3", ".5"], "", [1500, -0.002, 0.5]),
        (["1,5e3", "2"], ",", [1500, 2]),
        (["\u22125", "+3"], ".", [-5, 3]),
        (["USD 1,000", "USD 5"], ".USD", [1000, 5]),
        (["R$ 1.000,50", "R$ 5,00"], ",R$", [1000.5, 5]),
        (["20 °C", "21°C"], ".°C", [20, 21]),
    ],
)
def test_numbers(cells: list[str], form: str, numbers: list[float]) -> None:
    found = number_format(cells)
    assert found is not None
    assert found[0] == form
    assert [number_in(cell, form) if form else float(cell) for cell in cells] == numbers


@pytest.mark.parametrize(
    "cells",
    [
        *(["5 kg", "500 m"] * 5, ["1,2,3", "4,5,6"], ["1.2.3", "1.2.4"], ["10-20", "20-30"], ["12:30", "13:00"]),
        *(["1st", "2nd", "3rd"], ["1,5", "2.5"], ["red", "blue"], ["A5", "B6"], ["(5", "6)"], ["9" * 70 + " kg"] * 2),
    ],
)
def test_what_is_no_column_of_numbers(cells: list[str]) -> None:
    assert number_format(cells) is None


def test_numbers_of_random_columns() -> None:
    """Against Python's own formatting: whatever a column is written like, the numbers come back."""
    random.seed(0)
    for mark, between in ((".", ","), (",", "."), (",", " "), (".", "'"), (",", "\u00a0")):
        numbers = [round(random.uniform(-1e6, 1e6), 2) for _ in range(40)]
        plain = [f"{number:,.2f}" for number in numbers]
        cells = [text.replace(",", "_").replace(".", mark).replace("_", between) + " €" for text in plain]
        found = number_format(cells)
        assert found == (f"{mark}€", found[1] if found else "")
        assert [number_in(cell, found[0]) for cell in cells] == numbers


@pytest.mark.parametrize(
    ("pattern", "form"),
    [
        *(("%Y-%m-%d", ""), ("%Y-%m-%d %H:%M:%S", ""), ("%Y/%m/%d", ""), ("%d/%m/%Y", "DMY"), ("%m/%d/%Y", "MDY")),
        *(("%d.%m.%y", "DMY"), ("%m-%d-%Y %I:%M %p", "MDY"), ("%d %B %Y", ""), ("%b %d, %Y", ""), ("%d-%b-%y", "")),
        *(("%Y-%m-%dT%H:%M:%SZ", ""), ("%a, %d %b %Y %H:%M:%S GMT", "")),
    ],
)
def test_dates(pattern: str, form: str) -> None:
    """Against `strftime`: the whole column tells which of day and month goes first."""
    days = [datetime(2003, 1, 5, 14, 30) + timedelta(days=17 * k) for k in range(60)]
    cells = [day.strftime(pattern) for day in days]
    found = date_format(cells)
    assert found is not None
    assert found[0] == form
    whole = [datetime.strptime(cell, pattern) for cell in cells]
    assert [date_of(cell, form) for cell in cells] == whole


def test_dates_that_need_a_word() -> None:
    form, said = date_format(["03/04/2021"] * 5) or ("", "")
    assert (form, said) == ("MDY", "the month goes first, as far as can be seen; else --kind COLUMN=date:DMY")
    assert date_format(["3.4.2021"] * 5)[0] == "DMY"  # type: ignore[index]
    assert is_compact(["19580329", "20210403"])
    assert not is_compact(["19580329", "20211303"])
    assert date_of("2021-02-30") is date_of("1/2/2021") is date_of("May") is date_of(None) is None
    assert date_of("2021-04-03T10:00:00+02:00") == datetime(2021, 4, 3, 8)
    assert date_of("2014Q3") == date_of("Q3 2014") == datetime(2014, 7, 1)


def test_lists() -> None:
    genres = ["Drama, Crime", "Drama", "Comedy, Drama", "Crime", "Comedy", "Comedy, Crime, Drama"] * 6
    assert list_format(genres) == ","
    assert list_format([text.replace(", ", "|") for text in genres]) == "|"
    assert list_format([f"Town {k}, State {k % 5}" for k in range(60)]) == "", "a place and its country"
    assert list_format([f"It was {k}, and then, after a while, it rained {k * k}" for k in range(60)]) == ""
    assert list_format(["Smith, John", "Jones, Mary"] * 20) == "", "as many parts as cells are names"
    assert parts_of(" Drama ,Crime,, Drama", ",") == ["Drama", "Crime"]
    assert parts_of(["a", None, "b"], "") == ["a", "b"]


@pytest.mark.parametrize(
    ("column", "values", "why"),
    [
        ("x", list(range(30)), "it numbers the records"),
        ("year", list(range(1, 31)), ""),
        ("year", list(range(1990, 2020)), ""),
        ("PassengerId", [7 * k + 5 for k in range(30)], "identifiers"),
        ("Unnamed: 0", [7 * k + 5 for k in range(30)], "the numbers of the rows"),
        ("income", [7 * k + 5 for k in range(30)], ""),
        ("id_of_size", [k + 0.5 for k in range(30)], ""),
        ("x", [f"{k:08x}-0000-4000-8000-{k:012x}" for k in range(30)], "identifiers"),
        ("order", [f"CA-2016-{k * k}" for k in range(30)], "codes"),
        ("airport", [f"{chr(65 + k % 26)}{chr(65 + k // 26)}X" for k in range(30)], "codes"),
        ("when", [f"{k} May" for k in range(30)], ""),
        ("title", [f"The {k}th story" for k in range(30)], ""),
        ("x", list(range(10)), ""),
    ],
)
def test_identifiers(column: str, values: list[object], why: str) -> None:
    found = identifier(column, values)
    assert found.startswith(why)
    assert bool(found) == bool(why)
    assert "the same in every record" not in guess(values, column).note


def test_a_model_reads_what_the_table_was_written_like() -> None:
    rows = [
        {
            "price": f"${k * 37 + 1:,}",
            "size": f"{k % 7},5",
            "when": f"{k % 28 + 1}.{k % 12 + 1}.2021",
            "tags": ["a, b", "b, c", "c", "a, c", "a, b, c"][k % 5],
            "id": k,
        }
        for k in range(100)
    ]
    table = mmzoo.read_table(rows)
    assert table.forms == {"price": ".$", "size": ",", "when": "DMY", "tags": ","}
    spec, parts, *_ = load_named(TableName("rows", "price"), table)
    row = spec.inputs[0].fit([record["row"] for record in parts[0]])
    assert mmzoo.Spec.from_json(spec.to_json()) == spec
    raw = {name: rows[40][name] for name in ("size", "when", "tags")}
    read = {name: table.columns[name][40] for name in raw}
    assert read == {"size": 5.5, "when": "2021-05-13T00:00:00", "tags": ["a", "b"]}
    np.testing.assert_array_equal(row.decode(raw), row.decode(read))
    assert sorted(parts[0].column("price"))[0] < 1000 < sorted(parts[0].column("price"))[-1], "a label in money"


def test_told_forms() -> None:
    cells = {"x": ["1,234", "5,678"] * 10, "d": ["03/04/2021", "05/06/2021"] * 10, "y": ["a", "b"] * 10}
    table = mmzoo.read_table(cells, kinds=told_kinds(["x=number:,", "d=date:DMY"]))
    assert table.columns["x"][:2] == [1.234, 5.678]
    assert table.columns["d"][0] == "2021-04-03T00:00:00"
    for wrong in ("x=number:x", "d=date:DYM", "y=category:;", "y=multi_category:ab"):
        with pytest.raises(MMZooError, match="says nothing; write number:,"):
            told_kinds([wrong])
