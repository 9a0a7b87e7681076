"""Categories that differ by case, blanks or hyphens only are told, of labels and of columns, and kept apart."""

from __future__ import annotations

import unicodedata

import pytest

from mmzoo.data.guess import explained_spec
from mmzoo.data.schema.spellings import spellings_note
from mmzoo.data.sources import read_table


def test_what_is_told() -> None:
    labels = ["Barolo", "BAROLO", "barolo", "Barbera", "New York", "new-york"]
    said = "5 of them differ from another by case, blanks or hyphens only ('BAROLO', 'Barolo', 'barolo' ...)"
    assert spellings_note(labels) == f"{said}: are they one?"
    word = "café"
    assert "2 of them" in spellings_note([unicodedata.normalize("NFC", word), unicodedata.normalize("NFD", word)])


@pytest.mark.parametrize("labels", [["a", "A"], ["1", "-1", "1.0"], ["cat", "dog"], ["", "-"], ["C", "C++", "C#"], []])
def test_what_is_not(labels: list[str]) -> None:
    assert not spellings_note(labels)


def test_of_labels_and_of_columns() -> None:
    columns = {
        "town": ["Rome", "Oslo", "ROME", "Bonn"] * 10,
        "tags": [["red", "Blue"], ["red", "green"], ["blue"], ["red", "blue"]] * 10,
        "kind": ["yes", "no", "Yes", "no"] * 10,
        "topics": [["sport"], ["Sport", "news"], [], ["news"]] * 10,
    }
    said = {
        column: explained_spec(read_table(columns, kinds={"tags": "multi_category"}), column)[2]
        for column in ("kind", "topics")
    }
    for column, words in {"kind": "'Yes', 'yes'", "topics": "'Sport', 'sport'", "town": "'ROME', 'Rome'"}.items():
        lines = said["topics" if column == "topics" else "kind"]
        (line,) = [line for line in lines if line.startswith(f"{column}:")]
        assert f"2 of them differ from another by case, blanks or hyphens only ({words})" in line
    (line,) = [line for line in said["kind"] if line.startswith("tags:")]
    assert "'Blue', 'blue'" in line
