"""Numbers and texts in cells, names of columns, many short texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.data.faults import Faults, usable
from mmzoo.data.schema.kinds import looks_like_path
from mmzoo.data.schema.names import input_names
from mmzoo.modalities.tabular.cells import number_of, says_nothing, text_of


@pytest.mark.parametrize(
    ("value", "number"),
    [("1", 1.0), (" -1.5e3 ", -1500.0), (".5", 0.5), ("5.", 5.0), (np.int8(3), 3.0), (10**400, float("inf"))]
    + [
        (text, None)
        for text in ("1_0", "inf", "nan", "infinity", "0x1f", "1,5", "\uff11", "\u0661", "1e", "", "- 1", b"1")
    ]
    + [([1], None), (None, None), (np.ones(1), None), (np.array(2), 2.0), (object(), None), (1j, None)],
)
def test_numbers(value: Any, number: float | None) -> None:
    assert number_of(value) == number


def test_texts_and_nothing() -> None:
    assert [text_of(value) for value in (1.0, 1.5, True, " a ", "01", 10**20, float("inf"))] == [
        *("1", "1.5", "True", "a", "01", "1" + "0" * 20, "inf")
    ]
    assert says_nothing("  Null ")
    assert not says_nothing("nothing")
    assert looks_like_path("a b/c.txt") is False
    assert looks_like_path("a/b c.txt") is True


def test_names_of_columns() -> None:
    found = input_names(
        ["文章", "説明", "Größe (cm)", "grosse_cm", "Цена", "2019", "row", "present", "class", "Ä", "a", "_"]
    )
    assert found == {
        "文章": "column_1",
        "説明": "column_2",
        "Größe (cm)": "grosse_cm_2",
        "grosse_cm": "grosse_cm",
        "Цена": "column_5",
        "2019": "column_2019",
        "row": "column_row",
        "present": "column_present",
        "class": "class",
        "Ä": "a_2",
        "a": "a",
        "_": "column_12",
    }
    long = [f"{'very ' * 20}long {k}" for k in range(12)]
    names = list(input_names(long).values())
    assert len(set(names)) == 12
    assert max(map(len, names)) <= 40


@pytest.mark.parametrize("taken", [("row", "present", "fusion"), ("log_variances", "class", "文章"), ("説明", "texts")])
def test_a_table_whose_names_are_taken(taken: tuple[str, ...]) -> None:
    """Every one of these names is a column of texts, beside numbers, which make the input "row", or "all_row"."""
    columns = [*taken, "number"]
    rows = [
        {name: f"{name} says {k}" for name in columns} | {"number": k / 2, "ラベル": "ab"[k % 2]} for k in range(20)
    ]
    spec, records = mmzoo.table_spec(mmzoo.read_table(rows), "ラベル")
    assert len(set(spec.input_names)) == len(columns)
    assert ("all_row" if "row" in taken else "row") in spec.input_names
    assert records[1][spec.tasks[0].name] == "b"


def test_phrases_that_come_again_are_texts_where_they_are_to_be_found() -> None:
    """A caption that several pictures have is asked for in other words; one word stays a category."""
    captions = ["a large red circle", "a small blue star", "a ring of gold"]
    table = {"caption": captions * 20, "kind": ["round", "sharp", "round"] * 20, "size": [*range(60)]}
    asked, _ = mmzoo.table_spec(mmzoo.read_table({**table, "y": ["a", "b"] * 30}), "y")
    assert asked.input_names == ["row"]
    found, records = mmzoo.table_spec(mmzoo.read_table(table), "", task="retrieval")
    assert [(item.name, item.kind) for item in found.inputs] == [("caption", "text"), ("row", "tabular")]
    assert records[1]["caption"] == captions[1]
    told = mmzoo.read_table(table, kinds={"caption": "category"})
    with pytest.raises(mmzoo.MMZooError, match="two"):
        mmzoo.table_spec(told, "", task="retrieval")


def test_many_short_texts_are_one_input() -> None:
    """The long ones stay inputs of their own."""
    words = [f"n{k * 7919 % 1000} of {k}" for k in range(60)]
    short = {"title": words, "studio": [None, *words[1:]], "editor": ["", *words[1:]], "place": words[::-1]}
    long = {"plot": [f"{word} " * 30 for word in words], "review": [f"{word} " * 20 for word in words]}
    table = mmzoo.read_table({**short, **long, "y": ["a", "b"] * 30})
    spec, records = mmzoo.table_spec(table, "y")
    assert spec.input_names == ["plot", "review", "texts"]
    texts = spec.inputs[2]
    assert isinstance(texts, mmzoo.Text)
    assert texts.columns == tuple(short)
    assert records[0]["texts"] == f"title: {words[0]}. place: {words[-1]}"
    assert records[1]["texts"].startswith(f"title: {words[1]}. studio: {words[1]}. editor: ")
    assert texts.gathered(table.columns) == records.column("texts")
    assert texts.gathered({"title": words}) is None
    row = {"title": "Alien", "place": None, "plot": "no matter"}
    np.testing.assert_array_equal(texts.decode(row), texts.decode("title: Alien"))
    with_the_name = mmzoo.read_table({"texts": words, **short, "y": ["a", "b"] * 30})
    assert mmzoo.table_spec(with_the_name, "y")[0].input_names == ["all_texts"]
    few, _ = mmzoo.table_spec(mmzoo.read_table({**dict(list(short.items())[:3]), "y": ["a", "b"] * 30}), "y")
    assert few.input_names == ["title", "studio", "editor"]


def test_a_bad_cell_of_texts_that_are_one_input() -> None:
    words = [f"word {k * 7919 % 1000}" for k in range(60)]
    columns = {**{name: list(words) for name in "abc"}, "d": ["zero\0", *words[1:]]}
    spec, records = mmzoo.table_spec(mmzoo.read_table({**columns, "y": ["a", "b"] * 30}), "y")
    assert spec.input_names == ["texts"]
    faults = Faults("skip", 0.1)
    assert len(usable(spec, records, faults)) == 59
    assert faults.counts == {"bad_text": 1}


def test_lengths_are_those_of_the_whole_table() -> None:
    """Also where the table is in the order of its classes."""
    texts = [f"short {k}" for k in range(500)] + [f"a text that is a good deal longer {k} " * 9 for k in range(500)]
    spec, _ = mmzoo.table_spec(mmzoo.read_table({"text": texts, "y": ["a", "b"] * 500}), "y")
    (text,) = spec.inputs
    assert isinstance(text, mmzoo.Text)
    assert text.max_bytes > 300
