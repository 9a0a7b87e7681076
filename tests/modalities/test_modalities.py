"""Decoding: every accepted form, and one clear sentence for everything else."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

import mmzoo
from mmzoo.errors import DataError, MMZooError

IMAGE = mmzoo.Image("picture", size=16)
AUDIO = mmzoo.Audio("sound", sample_rate=8000, seconds=0.5)
TEXT = mmzoo.Text("words", max_bytes=16)
PIXELS = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
TONE = np.sin(2 * np.pi * 440 * np.arange(4000) / 8000).astype(np.float32) * 0.5


def encoded(pixels: np.ndarray, kind: str = "PNG", mode: str | None = None) -> bytes:
    out = io.BytesIO()
    image = Pillow.fromarray(pixels)
    (image.convert(mode) if mode else image).save(out, kind)
    return out.getvalue()


def sound(wave: np.ndarray, rate: int = 8000, kind: str = "WAV", subtype: str | None = None) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, wave, rate, format=kind, subtype=subtype)
    return out.getvalue()


@pytest.mark.parametrize(("kind", "mode"), [("PNG", None), ("BMP", None), ("PNG", "RGBA")])
def test_lossless_images_are_exact(kind: str, mode: str | None) -> None:
    np.testing.assert_array_equal(IMAGE.decode(encoded(PIXELS, kind, mode)), PIXELS)


@pytest.mark.parametrize("kind", ["JPEG", "GIF"])
def test_lossy_images_are_close_to_pillow(kind: str) -> None:
    smooth = np.asarray(Pillow.fromarray(PIXELS[:4, :4]).resize((16, 16), Pillow.Resampling.BICUBIC))
    data = encoded(smooth, kind)
    wanted = np.asarray(Pillow.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert np.abs(IMAGE.decode(data).astype(int) - wanted).max() <= 3


def test_a_transparent_image_is_laid_on_white() -> None:
    clear = np.dstack([PIXELS, np.zeros((16, 16), np.uint8)])
    assert (IMAGE.decode(encoded(clear)) == 255).all()


def test_grey_and_paths(tmp_path: Path) -> None:
    (tmp_path / "grey.png").write_bytes(encoded(PIXELS[..., 0]))
    found = IMAGE.decode(tmp_path / "grey.png")
    np.testing.assert_array_equal(found, np.repeat(PIXELS[..., :1], 3, axis=2))
    np.testing.assert_array_equal(IMAGE.decode(PIXELS[..., 0]), found)


def test_shrinking_averages() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(IMAGE.decode(stripes).astype(int)[2:-2, 2:-2] - 128).max() <= 2


@pytest.mark.parametrize(
    "value", [np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros(3, np.uint8)]
)
def test_bad_image_arrays(value: np.ndarray) -> None:
    with pytest.raises(MMZooError, match="must be uint8"):
        IMAGE.decode(value)


@pytest.mark.parametrize(
    ("kind", "subtype", "tolerance"),
    [
        ("WAV", "PCM_16", 1e-4),
        ("WAV", "PCM_U8", 1e-2),
        ("WAV", "PCM_24", 1e-6),
        ("WAV", "PCM_32", 1e-6),
        ("WAV", "FLOAT", 0),
        ("WAV", "DOUBLE", 0),
        ("FLAC", "PCM_16", 1e-4),
        ("OGG", "VORBIS", 0.1),
    ],
)
def test_sound_files(kind: str, subtype: str, tolerance: float) -> None:
    np.testing.assert_allclose(AUDIO.decode(sound(TONE, kind=kind, subtype=subtype)), TONE, atol=tolerance)


@pytest.mark.parametrize(("kind", "subtype"), [("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")])
def test_sound_files_that_move_the_samples(kind: str, subtype: str) -> None:
    """Their coders delay by some milliseconds: what is compared is the tone's pitch and power."""
    found = AUDIO.decode(sound(np.tile(TONE, 2), kind=kind, subtype=subtype))[1000:3000]
    spectrum = np.abs(np.fft.rfft(found * np.hanning(2000))) ** 2
    assert spectrum.argmax() * 4 == pytest.approx(440, abs=4)
    assert found.std() == pytest.approx(TONE.std(), rel=0.1)


def test_another_rate_is_resampled() -> None:
    fast = np.sin(2 * np.pi * 440 * np.arange(24000) / 48000).astype(np.float32) * 0.5
    found = AUDIO.decode(sound(fast, 48000, subtype="FLOAT"))
    np.testing.assert_allclose(found[200:-200], TONE[200:-200], atol=2e-3)


def test_stereo_is_mixed_and_a_sound_of_nothing_is_zeros() -> None:
    np.testing.assert_allclose(AUDIO.decode(np.stack([TONE, -TONE], axis=1)), 0)
    assert not AUDIO.decode(np.zeros(0, np.float32)).any()
    assert not AUDIO.decode(sound(np.zeros(0, np.float32))).any()


def test_ten_minutes_are_cut_and_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mmzoo"):
        found = AUDIO.decode(sound(np.tile(TONE, 1200)))
    np.testing.assert_allclose(found, TONE, atol=1e-4)
    assert "has 600 seconds; the model reads the first 0.5" in caplog.text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b"", "is empty"),
        (b"not a sound at all", "not a sound file"),
        (encoded(PIXELS), "not a sound file"),
        (np.array([0, np.nan, 1], np.float32), "not finite"),
        (np.zeros((2, 2, 2), np.float32), "must have shape"),
        ("nowhere.wav", "does not exist"),
    ],
)
def test_bad_sounds(value: object, words: str) -> None:
    with pytest.raises(MMZooError, match=words):
        AUDIO.decode(value)


def test_texts(caplog: pytest.LogCaptureFixture) -> None:
    assert TEXT.decode("né").tolist() == [110, 195, 169] + [0] * 13
    assert not TEXT.decode("").any()
    assert bytes(TEXT.decode("\ufb01\uff21\u2075")).rstrip(b"\0") == b"fia5"  # NFKC: ligature, full width, raised
    assert TEXT.decode("a\0b")[1] == 32
    assert TEXT.decode("\ud800").any()
    with caplog.at_level(logging.INFO, "mmzoo"):
        assert TEXT.decode("x" * 100_000).tolist() == [120] * 16
    assert "has 100000 bytes; the model reads the first 16" in caplog.text
    assert TEXT.decode(np.str_("né")).tolist() == TEXT.decode("né".encode()).tolist() == TEXT.decode("né").tolist()
    for value in (3, 1.5, float("nan"), None, ["a"], {"bytes": b"a"}, np.array(["a"]), True):
        with pytest.raises(DataError, match=r"^Text 'words' must be a string, not \w+\.$"):
            TEXT.decode(value)  # type: ignore[arg-type]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "WEBP", "WAV", "FLAC", "OGG"]), st.data())
def test_mutated_files_are_decoded_or_refused(kind: str, data: st.DataObject) -> None:
    item = AUDIO if kind in ("WAV", "FLAC", "OGG") else IMAGE
    whole = bytearray(sound(TONE, kind=kind) if item is AUDIO else encoded(PIXELS, kind))
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, min(len(whole) - 1, 200)))] = data.draw(st.integers(0, 255))
    try:
        found = item.decode(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    except MMZooError:
        return
    assert found.shape == item.shape
    assert found.dtype == item.dtype
    assert np.isfinite(found).all()


@pytest.mark.parametrize("item", [mmzoo.Image("picture", size=32), AUDIO])
def test_augmentation_is_a_function_of_its_seed(item: mmzoo.Image) -> None:
    rng = np.random.default_rng(0)
    batch = rng.integers(0, 256, (4, *item.shape)).astype(np.uint8) if item is not AUDIO else np.tile(TONE, (4, 1))
    first, again, other = (np.asarray(item.augment(batch, np.arange(4) + k)) for k in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert first.shape == batch.shape
    assert first.dtype == batch.dtype
