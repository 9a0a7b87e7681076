"""The tokenizers in the graph against plain Python on strings."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from mmzoo.modalities.text import Text
from mmzoo.tokenizers.hashed_words import HashedWords
from mmzoo.tokenizers.longest_match import LongestMatch
from mmzoo.towers.static_embedding_attention import wordllama_pieces

LENGTH, BYTES = 12, 40
WORDS = HashedWords(LENGTH, 1000)
PIECES = [" ", " a", " ab", "abc", "b", "bc", "c", " grin", "ning", " face", "’", " 日", "本"]
MATCH = LongestMatch(LENGTH, PIECES)


def tensor(texts: list[str]) -> np.ndarray:
    return np.stack([Text("t", max_bytes=BYTES).decode(text) for text in texts])


def normal(text: str) -> bytes:
    """What the bytes of a text are: NFKC, lower case, cut."""
    text = unicodedata.normalize("NFKC", text).lower()
    return re.sub("[\0\u1680\u200b\u200e\u200f\u2028\u2029\u2581\ufeff\ufffd]", " ", text).encode()[:BYTES]


def hashed(text: str) -> list[int]:
    data = normal(text)
    lone = rb"[\xe3-\xe9][\x80-\xbf]{0,2}|[\xf0-\xff][\x80-\xbf]{0,3}"
    words = re.findall(lone + rb"|(?:[a-z0-9]|[\x80-\xe2\xea-\xef])+", data)
    factors = WORDS.factors.astype(np.int64)
    return [int(sum(b * f for b, f in zip(word, factors, strict=False)) % 1000 + 1) for word in words][:LENGTH]


def matched(text: str, vocabulary: list[str]) -> list[int]:
    data, pieces = normal(text), [piece.encode() for piece in vocabulary]
    data = b" " + data if data else b""
    longest = max(map(len, pieces))
    ids, at = [], 0
    while at < len(data):
        size = next((n for n in range(longest, 0, -1) if data[at : at + n] in pieces and at + n <= len(data)), 0)
        if size:
            ids.append(pieces.index(data[at : at + size]) + 1)
        at += max(size, 1)
    return ids[:LENGTH]


def found_all(layer: object, texts: list[str]) -> list[list[int]]:
    found = []
    for row in np.asarray(layer(tensor(texts))):
        kept = row[row > 0]
        assert not row[len(kept) :].any(), "padding comes last"
        found.append(kept.tolist())
    return found


def found(layer: object, text: str) -> list[int]:
    return found_all(layer, [text])[0]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=50), min_size=8, max_size=8))
def test_hashed_words(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    assert found_all(WORDS, texts) == [hashed(text) for text in texts]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(alphabet="abc ABC日本’grinface", max_size=30), min_size=8, max_size=8))
def test_longest_match(texts: list[str]) -> None:
    assert found_all(MATCH, texts) == [matched(text, PIECES) for text in texts]


@pytest.mark.parametrize("text", ["", "Hello", "grinning face", "كلب", "कुत्ता", "狗 和 猫", "👩‍🚀 astronaut", "a" * 300])
def test_any_language_and_any_length(text: str) -> None:
    assert len(found(WORDS, text)) == min(len(hashed(text)), LENGTH)
    assert found(WORDS, text.upper() if text.isascii() else text) == found(WORDS, text)


def test_an_empty_text_has_no_tokens() -> None:
    assert found(WORDS, "") == found(MATCH, "") == []


def test_the_pretrained_vocabulary_against_plain_python() -> None:
    pieces = wordllama_pieces()
    layer = LongestMatch(LENGTH, pieces)
    for text in ("grinning face with smiling eyes", "flag: Côte d’Ivoire", "keycap: 10", "T-Rex", "狗"):
        assert found(layer, text) == matched(text, pieces)


def test_a_graph_gives_what_eager_gives() -> None:
    batch = tensor(["grinning face", "", "abc ABC", "日本"])
    for layer in (WORDS, MATCH):
        graph = tf.function(layer)
        mapped = next(iter(tf.data.Dataset.from_tensors(batch).map(layer)))
        np.testing.assert_array_equal(layer(batch), graph(batch))
        np.testing.assert_array_equal(layer(batch), mapped)


def test_the_same_where_a_device_rounds_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """TPUs multiply float32 matrices as bfloat16, GPUs as TF32: a text must get the ids that it has on a phone."""
    texts = [" ".join(wordllama_pieces()[20_000:20_040:9]), "grinning face with smiling eyes", "日本 abc" * 5]
    layers = [HashedWords(LENGTH, 2**20), LongestMatch(LENGTH, wordllama_pieces())]
    exact = [np.asarray(layer(tensor(texts))) for layer in layers]
    assert min(ids.max() for ids in exact) > 2**12
    matmul = ops.matmul

    def coarse(*factors: object) -> object:
        return matmul(*(ops.cast(ops.cast(factor, "bfloat16"), "float32") for factor in factors))

    monkeypatch.setattr(ops, "matmul", coarse)
    for layer, ids in zip(layers, exact, strict=True):
        np.testing.assert_array_equal(layer(tensor(texts)), ids)
