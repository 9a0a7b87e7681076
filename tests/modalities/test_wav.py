"""Plain WAV files, read without a library: the same samples, and nothing that the library would read otherwise."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import mmzoo
from mmzoo.errors import DataError
from mmzoo.modalities.audio import sounds
from mmzoo.modalities.audio.wav import read_plain

RANDOM = np.random.default_rng(0)
SOUND = mmzoo.Audio("sound", sample_rate=8000, seconds=0.1)


def wav(channels: int = 1, rate: int = 8000, frames: int = 900, **options: str) -> bytes:
    out = io.BytesIO()
    wave = RANDOM.integers(-32768, 32768, (frames, channels)).astype(np.int16)
    if options.get("subtype") in ("FLOAT", "DOUBLE"):
        wave = (wave / 32768).astype(np.float32)  # soundfile does not scale by itself
    soundfile.write(out, wave, rate, format="WAV", **{"subtype": "PCM_16", **options})
    return out.getvalue()


def by_library(data: bytes) -> tuple[np.ndarray, int]:
    return soundfile.read(io.BytesIO(data), dtype="int16")


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("rate", [8000, 44100])
def test_the_samples_are_the_librarys(
    channels: int, rate: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = wav(channels, rate)
    (tmp_path / "plain.wav").write_bytes(data)
    for value in (data, tmp_path / "plain.wav", str(tmp_path / "plain.wav")):
        found = read_plain(value, 60)
        assert found is not None
        assert (found.rate, found.frames) == (rate, 900)
        np.testing.assert_array_equal(found.samples, by_library(data)[0])
    long = wav(channels, rate, 90_000)
    (tmp_path / "long.wav").write_bytes(long)
    for value in (long, tmp_path / "long.wav"):
        found = read_plain(value, 1.5)
        assert found is not None
        assert found.frames == 90_000
        np.testing.assert_array_equal(found.samples, by_library(long)[0][: int(1.5 * rate)])
    short = read_plain(data, 0.01)
    assert short is not None
    assert len(short.samples) == int(0.01 * rate)
    assert short.frames == 900
    plain = SOUND.decode(data)
    monkeypatch.setattr(sounds, "read_plain", lambda value, seconds: None)
    np.testing.assert_array_equal(SOUND.decode(data), plain)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "IMA_ADPCM"])
def test_other_kinds_are_left_to_the_library(subtype: str) -> None:
    assert read_plain(wav(subtype=subtype), 1) is None
    assert SOUND.decode(wav(subtype=subtype)).any()


def test_what_stands_before_the_samples(tmp_path: Path) -> None:
    data = wav()
    named = data[:36] + b"LIST" + struct.pack("<I", 5) + b"INFOx\0" + data[36:]
    found = read_plain(named, 1)
    assert found is not None
    np.testing.assert_array_equal(found.samples, by_library(named)[0])
    far = data[:36] + b"LIST" + struct.pack("<I", 70000) + b"\0" * 70000 + data[36:]
    assert read_plain(far, 1) is None  # rather the library than a second look
    np.testing.assert_array_equal(SOUND.decode(far), SOUND.decode(data))
    for nothing in (b"", b"RIFF", data[:30], data[:-2], tmp_path, tmp_path / "nowhere.wav", "a\0b"):
        assert read_plain(nothing, 1) is None


def test_a_rate_that_no_recorder_writes_is_named() -> None:
    for rate in (900_000, 10):
        with pytest.raises(DataError, match="repair its header") as caught:
            SOUND.decode(wav(rate=rate))
        assert caught.value.cause == "lying_audio"


WHOLE = wav(2, frames=50)


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_what_is_taken_of_a_mutated_file_is_what_the_library_reads(data: st.DataObject) -> None:
    changed = bytearray(WHOLE[: data.draw(st.integers(1, len(WHOLE)))])
    for _ in range(data.draw(st.integers(0, 3))):
        changed[data.draw(st.integers(0, min(len(changed) - 1, 50)))] = data.draw(st.integers(0, 255))
    found = read_plain(bytes(changed), 100)
    if found is not None:
        samples, rate = by_library(bytes(changed))
        assert found.rate == rate
        np.testing.assert_array_equal(found.samples, samples)
