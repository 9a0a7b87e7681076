"""Cells that other programs write a little otherwise are the categories that they mean; others are told."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest

import mmzoo
from mmzoo.answers.given import one_record
from mmzoo.answers.pieces import pieces
from mmzoo.data.rereading import Reread
from mmzoo.data.schema.layout import Layout

WORDS = ["TRUE", "FALSE", "01067", "04103", "nein", "Ja", "a", "A", "1", "2"]
ITEM = replace(
    mmzoo.Tabular("row", categories=["word"], multi_categories=["words"]),
    vocabularies=[WORDS, ["Red", "blue"]],
    delimiters=[","],
    quantiles=[],
)


@pytest.mark.parametrize(
    ("cell", "word"),
    [
        *((word, word) for word in WORDS),
        (True, "TRUE"),
        (np.bool_(False), "FALSE"),
        ("true", "TRUE"),
        (1067, "01067"),
        (4103.0, "04103"),
        ("4103", "04103"),
        ("NEIN", "nein"),
        ("ja", "Ja"),
        (1.0, "1"),
        ("02", "2"),
        ("b", None),
        ("10670", None),
        (True and "wahr", None),
    ],
)
def test_a_cell_is_the_category_that_it_means(cell: object, word: str | None) -> None:
    wanted = 1 if word is None else WORDS.index(word) + 2
    assert ITEM.decode({"word": cell})[0] == wanted


def test_of_several() -> None:
    assert ITEM.decode({"words": "red, BLUE"}).tolist()[1:] == [0, 1, 1]
    assert ITEM.decode({"words": ["Red", "green"]}).tolist()[1:] == [1, 1, 0]


def test_what_is_ambiguous_is_unknown() -> None:
    item = replace(ITEM, vocabularies=[["Yes", "yes", "007", "07"], []])
    assert [int(item.decode({"word": cell})[0]) for cell in ("YES", "yes", 7, "07", "0007")] == [1, 3, 1, 5, 1]


def test_a_misspelt_column_of_one_record_is_told(caplog: pytest.LogCaptureFixture) -> None:
    spec = mmzoo.Spec([replace(ITEM, categories=["express"])], "concat", [mmzoo.Binary("on")])
    reread = Reread(spec, Layout({"row": {"express": "category", "words": "multi_category"}}, {"on": "on"}))
    with caplog.at_level(logging.WARNING, "mmzoo"):
        assert one_record({"expres": "a", "words": "red", "remark": "x"}, reread)["row"]["words"] == ["red"]
        one_record({"Express": "a", "words": "red", "expressed": "b"}, reread)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == "Nothing reads 'expres'; did you mean 'express'?"


def test_unknown_ones_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    spec = mmzoo.Spec([ITEM], "concat", [mmzoo.Binary("on")])
    layout = Layout({"row": {"word": "category", "words": "multi_category"}}, {"on": "on"})
    with caplog.at_level(logging.WARNING, "mmzoo"):
        found = list(pieces({"word": ["x", "y", "a"] * 2000, "words": ["red"] * 6000}, Reread(spec, layout)))
        list(pieces({"word": ["x", "a", True] * 10, "words": ["red"] * 30}, Reread(spec, layout)))
    assert len(found) > 1
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("In column 'word' 134 of 200 cells are no categories that the model knows, such as 'x'; ")
