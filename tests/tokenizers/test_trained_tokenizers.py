"""Tokenizers with a vocabulary: learnt alike every time, encoding as other programs do, in any language."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

import mmzoo
from mmzoo.datasets.emoji import read_facts
from mmzoo.tokenizers import tokenizers
from tests.conftest import usual

NAMES = tokenizers.names(where="python")
OTHERS = ["狗和猫", "الكلب الكبير", "बड़ा कुत्ता", "👩\u200d🚀 astronaut", "naïve café"]
TEXTS = [*[fact["name"] for fact in read_facts()][:600], *OTHERS]
MADE = {name: mmzoo.Text("t", tokens=40, tokenizer=mmzoo.Tokenizer(name, size=700)).fit(TEXTS) for name in NAMES}
SAMPLES = ["grinning face", "GRINNING Face!", "man’s shoe", "狗", "الكلب", "कुत्ता", "👩‍🚀", "ﬁve ①", "xyzzy qwop", ""]


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_in_range_and_normalised(name: str) -> None:
    item = MADE[name]
    for text in SAMPLES:
        ids = item.decode(text)
        real = ids[ids > 0]
        assert ids.dtype == np.int32
        assert ids.max() < item.size
        assert (ids[len(real) :] == 0).all()
        assert (len(real) > 0) == bool(text)
    np.testing.assert_array_equal(item.decode("GRINNING ＦＡＣＥ"), item.decode("grinning face"))
    assert len(item.vocabulary) <= 701
    assert len(set(item.vocabulary)) == len(item.vocabulary)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_read_in_training_is_known(name: str) -> None:
    item = MADE[name]
    unknown = {"words": 1, "wordpiece": 1, "sentencepiece": 1}.get(name)
    for text in ("grinning face", "狗和猫"):
        assert unknown not in item.decode(text), f"{text} is unknown"
    if name != "bpe":
        assert unknown in item.decode("ж")


@pytest.mark.long
def test_training_is_the_same_in_every_process() -> None:
    """Hash tables are seeded anew in each process; vocabularies must not show it."""
    program = (
        "import hashlib, mmzoo\nfrom mmzoo.datasets.emoji import read_facts\n"
        "texts = [fact['name'] for fact in read_facts()]\n"
        f"for name in {NAMES}:\n"
        "    made = mmzoo.Text('t', tokenizer=mmzoo.Tokenizer(name, size=700)).fit(texts)\n"
        "    print(name, hashlib.sha256('\\n'.join(made.vocabulary).encode()).hexdigest())\n"
    )
    root = Path(__file__).parents[2]

    def learnt(seed: str) -> str:
        command = [sys.executable, "-c", program]
        seeded = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run(command, cwd=root, env=seeded, capture_output=True, text=True, check=True).stdout

    assert learnt("1") == learnt("2")


def words_of(text: str) -> list[str]:
    """Words, and punctuation and Han characters each by itself."""
    return re.findall(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+|[^\w\s]", unicodedata.normalize("NFKC", text).lower())


@pytest.mark.parametrize("text", ["grinning face", "man in suit: dark", "t-shirt", "狗和 face", "face zebraxx"])
def test_words_and_wordpiece_in_plain_python(text: str) -> None:
    item, pieces = MADE["words"], MADE["wordpiece"]
    known = {word: k + 1 for k, word in enumerate(item.vocabulary)}
    wanted = [known.get(word, 1) for word in words_of(text)]
    assert item.decode(text)[: len(wanted)].tolist() == wanted

    known = {piece: k + 1 for k, piece in enumerate(pieces.vocabulary)}
    wanted = []
    for word in words_of(text):
        found, start = [], 0
        while start < len(word):
            ends = (end for end in range(len(word), start, -1) if ("##" if start else "") + word[start:end] in known)
            end = next(ends, None)
            if end is None:
                found = [1]
                break
            found.append(known[("##" if start else "") + word[start:end]])
            start = end
        wanted += found
    ids = pieces.decode(text)
    assert ids[ids > 0].tolist() == wanted


def test_bpe_in_plain_python() -> None:
    item = MADE["bpe"]
    ranks = {tuple(entry.split(" ")): k for k, entry in enumerate(item.vocabulary) if " " in entry}
    ids = {entry.replace(" ", ""): k + 1 for k, entry in enumerate(item.vocabulary)}
    shift = {byte: chr(byte) for byte in [*range(33, 127), *range(161, 173), *range(174, 256)]}
    others = [byte for byte in range(256) if byte not in shift]
    shift |= {byte: chr(256 + k) for k, byte in enumerate(others)}  # GPT-2's printable stand-ins for bytes
    for text in ("grinning face with eyes", "कुत्ता face", "qqq"):
        wanted = []
        for word in re.findall(r" ?[^\s]+", " " + text):
            parts = [shift[byte] for byte in word.encode()]
            while True:
                pairs = [(ranks.get(pair, 10**9), k) for k, pair in enumerate(itertools.pairwise(parts))]
                rank, place = min(pairs, default=(10**9, 0))
                if rank == 10**9:
                    break
                parts[place : place + 2] = [parts[place] + parts[place + 1]]
            wanted += [ids[part] for part in parts]
        found = item.decode(text)
        if text != "कुत्ता face":  # GPT-2 splits at vowel signs, which are no letters
            assert found[found > 0].tolist() == wanted


def test_sentencepiece_as_googles_own_program() -> None:
    import io

    import sentencepiece

    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(unicodedata.normalize("NFKC", text).lower() for text in TEXTS),
        model_writer=out,
        vocab_size=700,
        hard_vocab_limit=False,
        normalization_rule_name="identity",
        character_coverage=1.0,
        num_threads=1,
        minloglevel=2,
    )
    theirs = sentencepiece.SentencePieceProcessor(model_proto=out.getvalue())
    item = MADE["sentencepiece"]
    pieces = [entry.rsplit(" ", 1)[0] for entry in item.vocabulary]
    for text in TEXTS:
        ids = item.decode(text)
        mine = [pieces[k - 1] for k in ids[ids > 0]]
        wanted = [theirs.id_to_piece(k) for k in theirs.encode(unicodedata.normalize("NFKC", text).lower())][:40]
        assert mine == wanted, text


@pytest.mark.parametrize("name", usual(NAMES, {"bpe"}))
def test_the_vocabulary_stays_with_the_model(name: str, tmp_path: Path) -> None:
    item = mmzoo.Text("t", tokens=12, tokenizer=name, tower=mmzoo.Tower("gru", width=8))
    records = mmzoo.Records({"t": TEXTS[:64], "long": [len(text) > 12 for text in TEXTS[:64]]})
    spec = mmzoo.Spec([item], "concat", [mmzoo.Binary("long")], dim=8).fit(records)
    model = mmzoo.build(spec)
    mmzoo.save(model, tmp_path / "model")
    loaded = mmzoo.load(tmp_path / "model")
    assert loaded.spec == spec
    assert mmzoo.predict(loaded, {"t": TEXTS[3]}) == mmzoo.predict(model, {"t": TEXTS[3]})
    with pytest.raises(mmzoo.MMZooError, match="tokenizer that is not trained yet"):
        item.decode("some text")


def test_bytes_are_bytes() -> None:
    item = mmzoo.Text("t", max_bytes=16, tokens=16, tokenizer="bytes")
    ids = np.asarray(item.made_tokenizer.layer(16, "ids")(item.decode("Hé 狗")[None]))[0]
    assert bytes(ids[ids > 0].astype(np.uint8)) == "hé 狗".encode()


@pytest.mark.parametrize(
    ("text", "count"), [("狗和猫", 3), ("犬とネコ", 4), ("الكلب الكبير", 2), ("बड़ा कुत्ता", 2), ("🐶🐱x", 3)]
)
def test_hashed_words_where_no_spaces_are_written(text: str, count: int) -> None:
    item = mmzoo.Text("t", max_bytes=48, tokens=8)
    ids = np.asarray(item.made_tokenizer.layer(8, "ids")(item.decode(text)[None]))[0]
    assert (ids > 0).sum() == count


def test_a_served_model_reads_capitals_of_any_script() -> None:
    item = mmzoo.Text("t", max_bytes=32)
    for text in ("ÄPFEL Und Birnen", "ΑΒΓ", "ЖУК"):
        np.testing.assert_array_equal(np.asarray(item.from_array([text]))[0], item.decode(text))
