"""Sound files whose headers lie or whose end is lost: read to the end or refused, never silent."""

from __future__ import annotations

import builtins
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import mmzoo
from mmzoo.errors import DataError, MMZooError
from mmzoo.modalities.audio import sounds
from mmzoo.modalities.audio.sounds import extent_of
from tests.modalities.media import RATE, SOUNDS, TONE, TRACKS, sound, track

AUDIO = mmzoo.Audio("sound", sample_rate=RATE, seconds=0.5)
LOSSY = {"ogg", "opus", "mp3", "adpcm", "m4a", "aac", "wma"}


def level(wave: np.ndarray) -> float:
    return float(np.sqrt((wave.astype(np.float64) ** 2).mean()))


def both(data: bytes, path: Path) -> list[Any]:
    path.write_bytes(data)
    return [data, path, str(path), {"bytes": data, "path": "elsewhere"}, {"bytes": None, "path": str(path)}]


@pytest.mark.parametrize("kind", [*SOUNDS, *TRACKS])
def test_every_kind_of_file(kind: str, tmp_path: Path) -> None:
    """Lossless ones are the tone, lossy ones have its level; by their path as by their bytes."""
    data = sound(kind)
    values = both(data, tmp_path / f"tone.{kind}")
    found = [AUDIO.decode(value) for value in values]
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])
    assert level(found[0][1000:3000]) == pytest.approx(0.354, abs=0.02)
    if kind not in LOSSY:
        np.testing.assert_allclose(found[0], TONE, atol=1e-4)
    assert extent_of(data).seconds == pytest.approx(0.5, abs=0.3)


@pytest.mark.parametrize("kind", [*SOUNDS, *TRACKS])
@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.9])
def test_a_file_that_is_cut_is_read_to_its_end_or_refused(kind: str, share: float, tmp_path: Path) -> None:
    data = sound(kind)
    for value in both(data[: int(share * len(data))], tmp_path / "cut")[:2]:
        try:
            found = AUDIO.decode(value)
        except DataError as error:
            assert error.cause in ("empty_audio", "junk_audio", "lying_audio")
            continue
        there = np.trim_zeros(found, "b")
        assert len(there) > 20
        assert level(there) > 0.2


def changed(data: bytes, name: bytes, offset: int, value: bytes) -> bytes:
    at = data.index(name, 8 if name == b"data" else 0) + offset
    return data[:at] + value + data[at + len(value) :]


SIZES = {"nothing": 0, "all there can be": 2**32 - 1, "what recorders write": 2**31 - 1, "more": 9_000, "odd": 8_001}


@pytest.mark.parametrize("kind", ["wav", "wav24", "wavfloat", "wavex", "adpcm"])
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_recorder_that_did_not_write_the_length(kind: str, size: int, tmp_path: Path) -> None:
    """What stands for the length is no length, or too much: the sound lasts to the end of the file."""
    whole = sound(kind)
    wanted = AUDIO.decode(whole)
    size = max(size, len(whole)) if size == 9_000 else size
    size = len(whole) - whole.index(b"data") - 8 + 1 if size == 8_001 else size
    for data in (changed(whole, b"data", 4, struct.pack("<I", size)), changed(whole, b"RIFF", 4, bytes(4))):
        for value in both(data, tmp_path / "tone.wav")[:2]:
            np.testing.assert_array_equal(AUDIO.decode(value), wanted)


SHORT = {
    "wav": (b"data", 4, struct.pack("<I", 100)),
    "wav24": (b"data", 4, struct.pack("<I", 99)),
    "wavex": (b"data", 4, struct.pack("<I", 3998)),
    "rf64": (b"ds64", 16, struct.pack("<Q", 100)),
    "aiff": (b"SSND", 4, struct.pack(">I", 100)),
    "caf": (b"data", 4, struct.pack(">q", 100)),
    "au": (b".snd", 8, struct.pack(">I", 100)),
}


@pytest.mark.parametrize("kind", SHORT)
def test_a_header_that_says_less_than_there_is(kind: str, tmp_path: Path) -> None:
    for value in both(changed(sound(kind), *SHORT[kind]), tmp_path / "tone")[:2]:
        with pytest.raises(DataError, match="more follow; repair its header") as caught:
            AUDIO.decode(value)
        assert caught.value.cause == "lying_audio"


@pytest.mark.parametrize("kind", ["rf64", "au"])
def test_other_headers_without_a_length(kind: str) -> None:
    name, at, size = SHORT[kind]
    np.testing.assert_allclose(AUDIO.decode(changed(sound(kind), name, at, bytes(len(size)))), TONE, atol=1e-4)
    if kind == "au":
        for size in (b"\xff" * 4, b"\x7f\xff\xff\xff"):
            np.testing.assert_allclose(AUDIO.decode(changed(sound(kind), name, at, size)), TONE, atol=1e-4)


def test_what_follows_the_samples_is_no_sound() -> None:
    whole = sound("wav")
    notes = b"LIST" + struct.pack("<I", 5) + b"INFOx\0"
    for rest in (notes, notes + notes, b"id3 " + struct.pack("<I", 3) + b"abc", bytes(500), b"TAG" + b"x" * 125):
        np.testing.assert_allclose(AUDIO.decode(whole + rest), TONE, atol=1e-4)
    empty = sound("wav", TONE[:0])
    assert not AUDIO.decode(empty).any()
    assert not AUDIO.decode(empty + notes).any()
    for rest in (whole, whole[44:], TONE.tobytes()):
        with pytest.raises(DataError, match=r"more follow|not a sound file"):
            AUDIO.decode(whole + rest)


def test_no_sound_file_is_taken_for_silence() -> None:
    """An Ogg whose headers are there and whose sound is not, and the like."""
    for kind in ("ogg", "opus", "flac", "mp3"):
        whole = sound(kind, np.tile(TONE, 8))
        for stop in range(200, min(len(whole), 6000), 400):
            try:
                assert AUDIO.decode(whole[:stop]).any()
            except DataError as error:
                assert str(error).endswith(".")


def test_a_small_file_of_much_silence_is_mixed_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    out = io.BytesIO()
    soundfile.write(out, rng.normal(size=(4000, 8)) * 0.1, RATE, format="FLAC", subtype="PCM_24")
    wanted = AUDIO.decode(out.getvalue())
    monkeypatch.setattr(sounds, "BLOCK", 1000)
    np.testing.assert_array_equal(AUDIO.decode(out.getvalue()), wanted)


def test_a_track_of_many_channels() -> None:
    """PyAV reads the ninth separate channel where there is none, and crashes."""
    av = pytest.importorskip("av")
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as file:
        stream = file.add_stream("pcm_s16le", rate=RATE, layout="hexadecagonal")
        samples = np.tile(np.arange(16, dtype=np.int16) * 1000, 4000)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="hexadecagonal")
        frame.rate, frame.pts = RATE, 0
        for packet in [*stream.encode(frame), *stream.encode()]:
            file.mux(packet)
    np.testing.assert_allclose(AUDIO.decode(out.getvalue()), 7500 / 32768, atol=1e-6)


def test_a_long_track_is_cut_and_said(caplog: pytest.LogCaptureFixture) -> None:
    data = track("matroska", "pcm_s16le", np.tile(TONE, 20))
    with caplog.at_level("INFO", "mmzoo"):
        np.testing.assert_allclose(AUDIO.decode(data), TONE, atol=1e-4)
    assert "has 10 seconds; the model reads the first 0.5" in caplog.text
    assert extent_of(data).seconds == pytest.approx(10, abs=0.1)


def test_a_track_without_pyav_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    data = track("mp4", "aac")
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "av":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MMZooError, match=r"pip install 'mmzoo\[video\]', or convert it to WAV, FLAC or Ogg"):
        AUDIO.decode(data)
