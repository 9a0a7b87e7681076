"""Videos: files, arrays, and one clear sentence for everything else."""

from __future__ import annotations

import builtins
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.modalities.video import even

CLIP = mmzoo.Video("clip", frames=4, size=16)
# Frame k is grey 20 k, so that it can be told which frames were taken.
FRAMES = np.stack([np.full((32, 32, 3), 20 * k, np.uint8) for k in range(12)])


def gif(frames: np.ndarray) -> bytes:
    out = io.BytesIO()
    pictures = [Pillow.fromarray(frame) for frame in frames]
    pictures[0].save(out, "GIF", save_all=True, append_images=pictures[1:], duration=40)
    return out.getvalue()


def mp4(frames: np.ndarray, container: str = "mp4", codec: str = "mpeg4") -> bytes:
    av = pytest.importorskip("av")
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        for frame in frames:
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")):
                file.mux(packet)
        for packet in stream.encode():
            file.mux(packet)
    return out.getvalue()


def levels(clip: np.ndarray) -> list[int]:
    return [round(float(frame.mean()) / 20) for frame in clip]


def test_frames_at_even_distances() -> None:
    assert even(12, 4).tolist() == [1, 4, 7, 10]
    assert even(2, 4).tolist() == [0, 0, 1, 1]
    assert even(1, 3).tolist() == [0, 0, 0]
    assert levels(CLIP.decode(FRAMES)) == [1, 4, 7, 10]


def test_frames_at_a_rate() -> None:
    """The clip has 25 frames a second: every second and a half of them, then the last again."""
    timed = mmzoo.Video("clip", frames=4, size=16, rate=12.5)
    assert levels(timed.decode(mp4(FRAMES))) == [0, 2, 4, 6]
    assert levels(mmzoo.Video("clip", frames=4, size=16, rate=5).decode(mp4(FRAMES))) == [0, 5, 10, 11]


def test_the_sound_of_a_video() -> None:
    av = pytest.importorskip("av")
    out = io.BytesIO()
    wave = (np.sin(2 * np.pi * 440 * np.arange(24000) / 48000) * 0.5).astype(np.float32)
    with av.open(out, "w", format="matroska") as file:
        pictures = file.add_stream("mpeg4", rate=25)
        pictures.width = pictures.height = 32
        pictures.pix_fmt = "yuv420p"
        sound = file.add_stream("pcm_s16le", rate=48000, layout="mono")
        for frame in FRAMES:
            for packet in pictures.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")):
                file.mux(packet)
        samples = av.AudioFrame.from_ndarray((wave * 32767).astype(np.int16)[None], format="s16", layout="mono")
        samples.rate, samples.pts = 48000, 0
        for packet in [*sound.encode(samples), *sound.encode(), *pictures.encode()]:
            file.mux(packet)
    heard = mmzoo.Audio("sound", sample_rate=8000, seconds=0.5).decode(out.getvalue())
    wanted = np.sin(2 * np.pi * 440 * np.arange(4000) / 8000) * 0.5
    np.testing.assert_allclose(heard[200:-200], wanted[200:-200], atol=5e-3)
    with pytest.raises(MMZooError, match="is not a sound file"):
        mmzoo.Audio("sound").decode(mp4(FRAMES))


def test_files(tmp_path: Path) -> None:
    assert levels(CLIP.decode(gif(FRAMES))) == [1, 4, 7, 10]
    for container, codec in (("mp4", "mpeg4"), ("webm", "libvpx"), ("matroska", "mpeg4")):
        data = mp4(FRAMES, container, codec)
        assert levels(CLIP.decode(data)) == [1, 4, 7, 10], container
    (tmp_path / "clip.gif").write_bytes(gif(FRAMES[:2]))
    assert levels(CLIP.decode(tmp_path / "clip.gif")) == [0, 0, 1, 1]


def test_an_exact_array_is_taken_as_it_is() -> None:
    exact = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    np.testing.assert_array_equal(CLIP.decode(exact), exact)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b"", "is empty"),
        (b"GIF89a" + b"\0" * 20, "damaged or cut short"),
        (np.zeros((4, 16, 16), np.uint8), r"must be uint8 \(frames, height, width, 3\)"),
        (np.zeros((0, 16, 16, 3), np.uint8), "must be uint8"),
        ("nowhere.mp4", "does not exist"),
    ],
)
def test_bad_videos(value: Any, words: str) -> None:
    with pytest.raises(MMZooError, match=words):
        CLIP.decode(value)


def test_files_that_are_no_videos() -> None:
    pytest.importorskip("av")
    for data in (b"this is no video at all", mp4(FRAMES)[:200]):
        with pytest.raises(MMZooError, match=r"not a video that can be read|no pictures"):
            CLIP.decode(data)


def test_without_pyav_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "av":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MMZooError, match=r"pip install 'mmzoo\[video\]'"):
        CLIP.decode(b"\0\0\0\x18ftypmp42")


def test_a_guess_reads_small_clips_whole() -> None:
    """Arrays, GIFs and files of a container; what cannot be read is left to decoding."""
    found = mmzoo.Video.guessed("clip", [FRAMES, gif(FRAMES), mp4(FRAMES), b"rust"])
    assert (found.frames, found.size) == (12, 32)
    large = np.zeros((40, 90, 120, 3), np.uint8)
    found = mmzoo.Video.guessed("clip", [large])
    assert (found.frames, found.size) == (8, 64)
    assert mmzoo.Video.guessed("clip", [b"rust"]) == mmzoo.Video("clip")
