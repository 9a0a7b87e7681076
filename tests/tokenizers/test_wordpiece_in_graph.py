"""WordPiece in the graph, against that of the library `tokenizers`."""

from __future__ import annotations

import numpy as np
import pytest

import mmzoo
from mmzoo.tokenizers.trained import WordPiece
from mmzoo.tokenizers.wordpiece_in_graph import WordPieceInGraph, WordPieces

TEXTS = (
    "keycap: 9",
    "three o’clock",
    "man: curly hair",
    "A button (blood type)",
    "a well-known  “cat”, and\tanother one!",
    "catalogue of cats",
    "face-with_tongue… out",
    "",
    "   ",
)
LENGTH = 24


@pytest.fixture(scope="module")
def vocabulary() -> tuple[str, ...]:
    return WordPieceInGraph(size=400).train([*TEXTS, *mmzoo.datasets.load("emoji")[0].column("name")[:200]])


def in_bytes(texts: tuple[str, ...], width: int = 64) -> np.ndarray:
    rows = np.zeros((len(texts), width), np.uint8)
    for row, text in zip(rows, texts, strict=True):
        data = text.encode()[:width]
        row[: len(data)] = list(data)
    return rows


def test_the_ids_are_those_of_the_library(vocabulary: tuple[str, ...]) -> None:
    names = (*TEXTS, *mmzoo.datasets.load("emoji")[2].column("name"))
    encode, unknown = WordPiece.encoder(vocabulary), vocabulary.index("[UNK]") + 1
    found = np.asarray(WordPieces(LENGTH, vocabulary)(in_bytes(names)))
    compared = 0
    for text, ids in zip(names, found.tolist(), strict=True):
        wanted = encode(text.lower())
        if unknown not in wanted and len(text.encode()) <= 64:
            assert ids == (wanted + [0] * LENGTH)[:LENGTH], text
            compared += 1
    assert compared > 250


def test_what_no_piece_begins_is_passed_over() -> None:
    vocabulary = ("[UNK]", "[cl]", "cat", "##s", ",", "##,")
    found = np.asarray(WordPieces(5, vocabulary)(in_bytes(("cat\u6f22s,CATS cat", "[CL] x"), 32)))
    assert found.tolist() == [[3, 4, 5, 3, 4], [0] * 5]
    assert not np.asarray(WordPieces(5, ())(in_bytes(("cat",), 32))).any()


def test_a_text_is_fitted_and_the_layer_made_again(vocabulary: tuple[str, ...]) -> None:
    item = mmzoo.Text("t", max_bytes=64, tokens=LENGTH, tokenizer="wordpiece_in_graph").fit(TEXTS)
    assert item.in_graph and item.size == len(item.vocabulary) + 1 and item.dtype == "uint8"
    layer = WordPieces(LENGTH, vocabulary)
    again = WordPieces.from_config(layer.get_config())
    np.testing.assert_array_equal(again(in_bytes(TEXTS)), layer(in_bytes(TEXTS)))
