"""Whisper's decoder: against a forward pass in plain NumPy, with its cache and without; files, tables and bad ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import soundfile
import tensorflow as tf

import mmzoo
from mmzoo.cli import main
from mmzoo.datasets.emoji import RATE, emoji
from mmzoo.errors import MMZooError
from mmzoo.towers.whisper import FILE, TINY_EN, Size, network
from mmzoo.transcription import transcribe
from mmzoo.transcription.decoder import Decoder
from mmzoo.transcription.recognizer import END, NO_TIMES, START, Heard, Recognizer, recognizer
from mmzoo.transcription.tuning import batches, save, taught, tune
from mmzoo.transcription.windows import WINDOW, windows
from mmzoo.weights import find, is_installed
from mmzoo.weights.ctranslate2_format import read_ctranslate2
from tests.towers.test_whisper import gelu, norm

installed = pytest.mark.skipif(not is_installed(TINY_EN), reason=f"needs {TINY_EN.install}")
TOKENS = np.array([[START, NO_TIMES, 10786, 11], [START, NO_TIMES, 383, 1098]], np.int32)
HEADS = 6


@pytest.fixture(scope="module")
def whisper() -> Recognizer:
    return recognizer(TINY_EN.name)  # as it is asked for


@pytest.fixture(scope="module")
def encoded() -> np.ndarray:
    """Stands for what the encoder made of two sounds."""
    return np.random.default_rng(0).normal(size=(2, 7, 384)).astype(np.float32)


def by_numpy(encoded: np.ndarray) -> np.ndarray:
    """The logits (B, T, vocabulary) of `TOKENS` in float64, by the names that CTranslate2 has for the weights."""
    file = find(TINY_EN.name, "whisper")[FILE]
    arrays = {name: array.astype(np.float64) for name, array in read_ctranslate2(file, "WhisperSpec").items()}

    def dense(x: np.ndarray, name: str) -> np.ndarray:
        return x @ arrays[f"decoder/{name}/weight"].T + arrays[f"decoder/{name}/bias"]

    def attend(q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: Any) -> np.ndarray:
        q, k, v = (x.reshape(*x.shape[:2], HEADS, -1).transpose(0, 2, 1, 3) for x in (q, k, v))
        scores = np.where(mask, q @ k.transpose(0, 1, 3, 2) / 8, -np.inf)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = shares / shares.sum(axis=-1, keepdims=True) @ v
        return mixed.transpose(0, 2, 1, 3).reshape(len(x), -1, 384)

    x = arrays["decoder/embeddings/weight"][TOKENS]
    x = x + arrays["decoder/position_encodings/encodings"][: x.shape[1]]
    for number in range(4):
        at = f"layer_{number}"
        y = dense(norm(x, arrays, f"decoder/{at}/self_attention/layer_norm"), f"{at}/self_attention/linear_0")
        y = attend(*np.split(y, 3, axis=-1), np.tri(x.shape[1], dtype=bool))
        x = x + dense(y, f"{at}/self_attention/linear_1")
        q = dense(norm(x, arrays, f"decoder/{at}/attention/layer_norm"), f"{at}/attention/linear_0")
        y = attend(q, *np.split(dense(encoded.astype(np.float64), f"{at}/attention/linear_1"), 2, axis=-1), True)
        x = x + dense(y, f"{at}/attention/linear_2")
        y = dense(norm(x, arrays, f"decoder/{at}/ffn/layer_norm"), f"{at}/ffn/linear_0")
        x = x + dense(gelu(y), f"{at}/ffn/linear_1")
    return norm(x, arrays, "decoder/layer_norm") @ arrays["decoder/embeddings/weight"].T


@installed
def test_decoder_equals_numpy(whisper: Recognizer, encoded: np.ndarray) -> None:
    found = whisper.decoder.logits(whisper.decoder(TOKENS, encoded))
    wanted = by_numpy(encoded)
    assert np.abs(np.asarray(found) - wanted).max() < 1e-4 * np.abs(wanted).max()


@installed
def test_cache_changes_nothing(whisper: Recognizer, encoded: np.ndarray) -> None:
    wanted = np.asarray(whisper.decoder(TOKENS, encoded))
    hidden, (read, heard) = whisper.decoder.start(TOKENS[:, :2], tf.constant(encoded), 6)
    np.testing.assert_allclose(hidden, wanted[:, 1], atol=1e-5 * np.abs(wanted).max())
    for position in (2, 3):
        hidden, read = whisper.decoder.step(TOKENS[:, position], read, heard, position)
        np.testing.assert_allclose(hidden, wanted[:, position], atol=1e-5 * np.abs(wanted).max())


@installed
def test_ids_are_those_of_the_vocabulary(whisper: Recognizer) -> None:
    named = {"<|endoftext|>": END, "<|startoftranscript|>": START, "<|notimestamps|>": NO_TIMES}
    assert {name: whisper.words.token_to_id(name) for name in named} == named
    assert whisper.words.decode([383, 1098]) == whisper.words.decode([383]) + whisper.words.decode([1098])
    assert np.isneginf(whisper.never[[START, NO_TIMES, 1, 51863]]).all() and whisper.never[END] == 0
    assert np.isneginf(whisper.first[[END, 220]]).all()


@pytest.mark.long
@installed
def test_speech_is_written_down() -> None:
    """Clips of the sample that Whisper gets right; one alone as beside another."""
    (wave, other) = (
        records.columns["speech"][records.columns["says"].index(says)]
        for records, says in zip(emoji()[:0:-1], ("smile, smiling", "open, happy"), strict=True)
    )
    alone = mmzoo.transcribe((wave, RATE))
    assert alone.no_speech < 0.5
    assert (
        alone.text == "Smile, smiling." and -1 < alone.log_prob < 0 and alone.seconds == pytest.approx(len(wave) / RATE)
    )
    beside, again = mmzoo.transcribe([(other, RATE), (wave, RATE)])
    assert (
        beside.text == "Open. Happy."
        and again.text == alone.text
        and again.log_prob == pytest.approx(alone.log_prob, abs=1e-4)
    )


NOTE = "note: in 1 of them there is perhaps no speech (no_speech over 0.6).\n"


class Fake:
    """Says how many samples of a window are not zero."""

    padded = True

    def __init__(self, weights: str) -> None: ...

    def __call__(self, waves: np.ndarray, *, beams: int) -> list[Heard]:
        return [Heard(f"{(wave != 0).sum()} by {beams}", -2.0, 4, 0.7) for wave in waves]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcribe, "recognizer", Fake)


def test_long_sounds_are_cut_where_it_is_quiet(fake: None) -> None:
    noise = np.random.default_rng(0).uniform(0.1, 0.2, 70 * 16000).astype(np.float32)
    quiet = 25 * 16000
    noise[quiet : quiet + 4000] = 1e-3
    parts = windows(noise)
    np.testing.assert_array_equal(np.concatenate(parts), noise)
    assert len(parts) == 3 and max(map(len, parts)) <= WINDOW and quiet < len(parts[0]) < quiet + 4000
    found = mmzoo.transcribe(noise, beams=3)
    assert found.text == " ".join(f"{len(part)} by 3" for part in parts) and found.log_prob == -0.5
    assert mmzoo.transcribe(np.zeros(0, np.float32)) == ("", 0.0, 0.0, "", 0.0)


def write(folder: Path) -> list[Path]:
    """A sound of 800 samples, one that is none, one of an hour and more, and the name of one that is missing."""
    names = [folder / f"{name}.wav" for name in ("good", "junk", "long", "missing")]
    soundfile.write(names[0], np.full(800, 0.5), 16000)
    names[1].write_bytes(b"RIFF")
    soundfile.write(names[2], np.zeros(3610 * 1000, np.int16), 1000, subtype="PCM_U8")
    return names


def test_files(fake: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names, out = [str(path) for path in write(tmp_path)], tmp_path / "out.jsonl"
    assert main(["transcribe", names[0]]) == 0
    assert capsys.readouterr().out == f"{names[0]}: 800 by 1  (-0.50 a token, 0.1 s, perhaps no speech)\n{NOTE}"
    assert main(["transcribe", *names, "--out", str(out)]) == 2
    assert "3 of 4 sounds could not be read" in capsys.readouterr().err
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [row["transcript"] for row in rows] == ["800 by 1", "", "", ""] and [row["file"] for row in rows] == names
    told = [row["error"] for row in rows]
    assert told[0] == "" and "junk.wav" in told[1] and "1.00 hours" in told[2] and "missing.wav" in told[3]
    assert main(["transcribe", names[0], "--out", str(out)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    with pytest.raises(MMZooError, match=r"junk\.wav"):
        mmzoo.transcribe(names)


def test_tables(fake: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its other columns stay; a cell without a sound, or that leads out of its folder, is told of."""
    folder, out = tmp_path / "calls", tmp_path / "out.csv"
    folder.mkdir()
    write(tmp_path)
    write(folder)
    (folder / "calls.csv").write_text("who,sound\nAda,good.wav\nBob,\nEve,../good.wav\n", "utf-8")
    assert main(["transcribe", str(folder / "calls.csv"), "--column", "sound", "--out", str(out)]) == 2
    said = capsys.readouterr()
    assert "1 of 3 sounds could not be read" in said.err and "../good.wav" in said.err
    assert "1 of 3 records have no sound" in said.out and len((said.out + said.err).splitlines()) == 4
    head, ada, bob, eve = out.read_text("utf-8").splitlines()
    assert head == "who,sound,transcript,log_prob,no_speech,seconds,error"
    assert ada == "Ada,good.wav,800 by 1,-0.5,0.7,0.05,"
    assert bob == "Bob,,,,,," and "../good.wav" in eve and "800" not in eve
    assert main(["transcribe", str(out), "--column", "sound", "--root", str(folder)]) == 2
    assert "'transcript, log_prob, no_speech, seconds, error'" in capsys.readouterr().err
    assert main(["transcribe", str(folder / "calls.csv"), "--column", "sounds"]) == 2
    assert "no column" in capsys.readouterr().err
    for name in ("calls.csv", "CALLS.JSONL.gz"):  # a table is no sound
        assert main(["transcribe", str(folder / name), "--out", str(tmp_path / "none.csv")]) == 2
        assert "is a table; say which of its columns has the sounds: --column" in capsys.readouterr().err
    elsewhere = ["--column", "sound", "--root", str(tmp_path / "calls"), "--out", str(tmp_path / "none.csv")]
    (folder / "good.wav").unlink()
    assert main(["transcribe", str(folder / "calls.csv"), *elsewhere]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("mmzoo: No sound could be read; the first: ") and len(said.err.splitlines()) == 1
    assert not said.out and not (tmp_path / "none.csv").exists()


@pytest.mark.long
@installed
def test_tuning(whisper: Recognizer, tmp_path: Path) -> None:
    """A small one without any knowledge learns two sounds by heart; it is the same when it was saved."""
    keras.utils.set_random_seed(0)
    small: Any = object.__new__(Recognizer)
    vars(small).update({**vars(whisper), "size": Size(80, 16, 1, 2), "_starts": {}})
    small.encoder = network(small.size, 1500, shorter=True)
    small.decoder = Decoder(small.size, 51864)
    small.decoder.build()
    table = small.decoder.embedding.token_embedding.embeddings
    table.assign(np.random.default_rng(0).normal(size=table.shape))
    at = np.arange(6000) / 16000
    sounds = [np.sin(2 * np.pi * hertz * at).astype(np.float32) * 0.3 for hertz in (300, 1500)]
    history = tune(small, sounds, ["cat", "dog"], epochs=12, learning_rate=1e-2, batch_size=2)
    assert history[-1] < 0.7 * history[0] and not small.padded
    save(small, tmp_path / "preset")
    again = Recognizer(str(tmp_path / "preset"))
    assert not again.padded
    ours, theirs = (each.encoder.weights + each.decoder.weights for each in (small, again))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)


def test_what_is_taught() -> None:
    """The decoder reads a token where it is to tell the next, not before the second or behind the end."""
    tokens, targets = taught([[7, 8, 9], [5]])
    np.testing.assert_array_equal(tokens[0], [START, NO_TIMES, 7, 8, 9, END, END, END])
    np.testing.assert_array_equal(targets[0], [START, 7, 8, 9, END, START, START, START])
    np.testing.assert_array_equal(targets[1, :3], [START, 5, END])
    lengths = np.arange(40)
    found = np.concatenate(batches(lengths, 8, np.random.default_rng(0)))
    np.testing.assert_array_equal(np.sort(found), lengths)
