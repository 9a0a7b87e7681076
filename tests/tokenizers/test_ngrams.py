"""The tokenizer of n-grams: in the graph, in plain Python, and against scikit-learn's counts; and its towers."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

import mmzoo
from mmzoo.export.serving import Serving
from mmzoo.export.tflite.conversion import converted
from mmzoo.graph.cut import split
from mmzoo.inference.running import compiled
from mmzoo.tokenizers.longest_match import LongestMatch
from mmzoo.tokenizers.ngrams import Ngrams, NgramsTokenizer, different
from mmzoo.tokenizers.ngrams_on_host import Finder, parsed
from mmzoo.towers.embedding_bag import EmbeddingBag
from mmzoo.towers.static_embedding_attention import wordllama_pieces
from mmzoo.training.features.compute import runner

BYTES, LENGTH = 48, 150
TEXTS = [
    "the grinning face", "a face with tears", "smiling face, the eyes", "the eyes of a cat", "日本 の本", "日本の cat",
    "été à la côte", "côte d’été", "Дом и домик", "дом 🙂🙂 cat", "🙂 face\n\tsmiling", "naïve; e-mail me!",
]  # fmt: skip
VOCABULARY = NgramsTokenizer(size=2000).train(mmzoo.Text("t")._normal(text) for text in TEXTS)
LAYER = Ngrams(LENGTH, VOCABULARY)
ALPHABET = "abcé thefacsmilng日本ДомикCAT🙂,’.\n 0"


def rows(texts: list[str], length: int = BYTES) -> np.ndarray:
    return np.stack([mmzoo.Text("t", max_bytes=length).decode(text) for text in texts])


def entries(ids: np.ndarray) -> set[str]:
    """The n-grams of ids, without their weights."""
    by_key = sorted(VOCABULARY, key=lambda entry: parsed([entry])[0][0])
    return {by_key[k - 1].rpartition(" ")[0] for k in ids if k}


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(ALPHABET, max_size=60), min_size=8, max_size=8))
def test_the_graph_and_the_host_agree(texts: list[str]) -> None:
    """Whatever the script, and wherever the text is cut."""
    batch = rows([*texts, *(text[1:] for text in texts)])
    for found, wanted in zip(LAYER(batch), LAYER.on_host(batch), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=8, max_size=8))
def test_they_agree_on_any_text(texts: list[str]) -> None:
    batch = rows([text.encode("utf-8", "replace").decode() for text in texts])
    for found, wanted in zip(LAYER(batch), LAYER.on_host(batch), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_words_without_characters() -> None:
    """All words that scikit-learn counts before the first pair, the same ids in the graph and on the host."""
    texts = [mmzoo.Text("t")._normal(text) for text in TEXTS]
    words = set(CountVectorizer(token_pattern=r"(?u)\b\w+\b", min_df=2).fit(texts[:3]).get_feature_names_out())
    found = NgramsTokenizer(size=300, characters=False).train(texts)
    assert {entry[0] for entry in found} == {"w"}
    names = [entry[1:].rpartition(" ")[0] for entry in found]
    assert words <= set(names) and any(" " in name for name in names)
    single = {name for name in names if " " not in name}
    tokenizer = NgramsTokenizer(characters=False)
    tokenizer.size = len(single)  # fewer than can be asked for
    assert {entry[1:].rpartition(" ")[0] for entry in tokenizer.train(texts)} == single
    layer, batch = Ngrams(LENGTH, found), rows(TEXTS)
    for given_, wanted in zip(layer(batch), layer.on_host(batch), strict=True):
        np.testing.assert_allclose(given_, wanted, atol=1e-6)


@pytest.mark.parametrize("text", TEXTS)
def test_the_same_ngrams_as_scikit_learn(text: str) -> None:
    """Of characters; it gives a word that is shorter than n only once, and so does a set."""
    normal = mmzoo.Text("t")._normal(text)
    wanted = CountVectorizer(analyzer="char_wb", ngram_range=(2, 5)).fit([normal]).get_feature_names_out()
    known = {entry.rpartition(" ")[0] for entry in VOCABULARY}
    found = entries(np.asarray(LAYER(rows([text]))[0])[0])
    assert {each for each in found if each[0] == "c"} == {f"c{each}" for each in wanted} & known
    # What is not in ASCII is taken for a letter.
    words = re.findall(r"[日本の🙂]|[^\W日本の]+(?:’\w+)*", normal)
    pairs = [f"w{a} {b}" for a, b in pairwise(words)]
    assert {each for each in found if each[0] == "w"} == {*(f"w{word}" for word in words), *pairs} & known
    assert found


def test_weights_are_tf_idf() -> None:
    text = "face the face"
    ids, weights = (np.asarray(each)[0] for each in LAYER(rows([text])))
    idf = dict(zip(range(1, len(VOCABULARY) + 1), (each for _, each in parsed(VOCABULARY)), strict=True))
    counts = {k: 0 for k in ids if k}
    for k in Finder(LAYER.keys).every(text.encode()):
        counts[k] += 1
    wanted = np.array([(1 + np.log(counts[k])) * idf[k] if k else 0.0 for k in ids])
    np.testing.assert_allclose(weights, wanted / np.linalg.norm(wanted), atol=1e-6)
    assert max(counts.values()) == 3
    # "the" is in three of the twelve texts.
    (the,) = [entry for entry in VOCABULARY if entry.startswith("wthe ") and entry.count(" ") == 1]
    assert the == f"wthe {1 + np.log(13 / 4):.2f}"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.integers(1, 12))
def test_different(ids: list[int], most: int) -> None:
    found, counts = different(np.array([ids], np.int32), most)
    kept = sorted({k for k in ids if k}, reverse=True)[:most]
    assert np.asarray(found)[0].tolist() == kept + [0] * (most - len(kept))
    assert np.asarray(counts)[0].tolist() == [ids.count(k) for k in kept] + [0] * (most - len(kept))


def test_texts_that_say_nothing() -> None:
    layer = Ngrams(4, NgramsTokenizer().train([" ", ""]))
    ids, weights = layer(rows(["", "b"]))
    assert not np.any(ids)
    assert not np.any(weights)


def test_a_vocabulary_that_is_none() -> None:
    for entry in (
        "x",
        "cab",
        "cab 1",
        "zab 1.00",
        "ca b 1.00",
        "w 1.00",
        "w, 1.00",
        "cab 100.00",
        f"w{'a' * 101} 1.00",
    ):
        with pytest.raises(mmzoo.MMZooError, match="is no entry of a vocabulary of n-grams"):
            Ngrams(4, [entry])
    with pytest.raises(mmzoo.MMZooError, match="has the hash of another"):
        Ngrams(4, ["cab 1.00", "cab 2.00"])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=40) | st.text("abc  THE grinning’日", max_size=40), min_size=8, max_size=8))
def test_longest_match_on_the_host(texts: list[str]) -> None:
    batch = rows([*(text.encode("utf-8", "replace").decode() for text in texts), "the grinning  face"])
    np.testing.assert_array_equal(MATCH(batch), MATCH.on_host(batch))


MATCH = LongestMatch(20, wordllama_pieces())


def spec_of(*towers: str) -> mmzoo.Spec:
    inputs = [
        mmzoo.Text(f"t{k}", max_bytes=BYTES, tokens=LENGTH, tokenizer="ngrams", tower=tower)
        for k, tower in enumerate(towers)
    ]
    spec = mmzoo.Spec(inputs, "concat", [mmzoo.Classification("animal", labels=["a", "b"])], dim=16)
    return spec.fit(mmzoo.Records({item.name: TEXTS for item in inputs}))


def test_a_bag_is_the_same_in_training() -> None:
    layer = EmbeddingBag(30, 5)
    ids, weights = np.array([[3, 29, 0], [1, 3, 7]]), np.array([[0.5, 0.2, 0.0], [1, 2, 3]], np.float32)
    wanted = np.einsum("bt,btd->bd", weights, np.asarray(layer.table)[ids])
    for training in (False, True):
        with tf.GradientTape() as tape:
            found = layer(ids, weights, training=training)
            loss = tf.reduce_sum(found**2)
        np.testing.assert_allclose(found, wanted, atol=1e-6)
        slope = tf.convert_to_tensor(tape.gradient(loss, layer.table.value)).numpy()
        np.testing.assert_allclose(slope[3], 2 * (0.5 * wanted[0] + 2 * wanted[1]), atol=1e-6)


@pytest.mark.long
def test_features_on_the_host_are_those_of_the_graph() -> None:
    spec = spec_of("embedding_bag", "static_embedding_bag", "static_embedding_attention")
    model = mmzoo.build(spec)
    part = split(model)
    present = np.ones((len(TEXTS), 3), bool)
    present[1:4] = np.eye(3, dtype=bool)
    batch = {item.name: rows(TEXTS) for item in spec.inputs} | {"present": present}
    for item in spec.inputs:
        frozen, given = part.frozen[item.name], {item.name: batch[item.name], "present": present}
        host = runner(frozen, item)
        assert host is not compiled(frozen)
        for one, other in zip(host(given), frozen(given), strict=True):
            assert one.dtype == other.dtype.as_numpy_dtype
            np.testing.assert_allclose(one, other, atol=1e-6)


def test_as_a_tflite_of_builtin_operations(tmp_path: Path) -> None:
    model = mmzoo.build(spec_of("embedding_bag"))
    batch = {name: rows(TEXTS) for name in model.spec.input_names} | {"present": np.ones((len(TEXTS), 1), bool)}
    wanted = tf.nn.softmax(model(batch)["animal"]).numpy()
    Serving(model, batch=1).save(str(tmp_path / "model"), "serve_tensors")
    lite = Interpreter(model_content=converted(str(tmp_path / "model"))).get_signature_runner("serving_default")
    for row in range(len(TEXTS)):
        example = {name: value[row : row + 1] for name, value in batch.items()}
        found = lite(**{**example, "present": example["present"].astype(np.uint8)})["animal"]
        np.testing.assert_allclose(found[0], wanted[row], atol=1e-5)


@pytest.mark.long
def test_saved_and_loaded(tmp_path: Path) -> None:
    """Two texts have one table of word vectors, on disk too."""
    model = mmzoo.build(spec_of("static_embedding_bag", "static_embedding_bag"))
    tables = [weight for weight in model.weights if weight.shape == (len(wordllama_pieces()) + 1, 256)]
    assert len(tables) == 1
    batch = {"t0": rows(TEXTS), "t1": rows(TEXTS[::-1]), "present": np.ones((len(TEXTS), 2), bool)}
    mmzoo.save(model, tmp_path / "model")
    loaded = mmzoo.load(tmp_path / "model")
    assert loaded.spec == model.spec
    np.testing.assert_array_equal(loaded(batch)["animal"], model(batch)["animal"])
