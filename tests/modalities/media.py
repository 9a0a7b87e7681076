"""Small sounds and videos of every kind that is read, for the tests."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import soundfile

RATE = 8000
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE // 2) / RATE)).astype(np.float32)
FRAMES = np.stack([np.full((32, 32, 3), 20 * k, np.uint8) for k in range(12)])
"""Frame k is grey 20 k, so that it can be told which frames were taken."""

SOUNDS = {
    "wav": ("WAV", "PCM_16"),
    "wav24": ("WAV", "PCM_24"),
    "wavfloat": ("WAV", "FLOAT"),
    "wavex": ("WAVEX", "PCM_16"),
    "adpcm": ("WAV", "IMA_ADPCM"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "rf64": ("RF64", "PCM_16"),
}
"""How libsndfile calls them."""
TRACKS = {"m4a": ("mp4", "aac"), "aac": ("adts", "aac"), "mka": ("matroska", "pcm_s16le"), "wma": ("asf", "wmav2")}
"""Sounds that PyAV reads: container and codec."""
VIDEOS = {
    "mp4": ("mp4", "mpeg4"),
    "h264": ("mp4", "libx264"),
    "mov": ("mov", "mpeg4"),
    "webm": ("webm", "libvpx"),
    "mkv": ("matroska", "mpeg4"),
    "avi": ("avi", "mpeg4"),
    "ts": ("mpegts", "mpeg2video"),
    "mpg": ("mpeg", "mpeg2video"),
    "wmv": ("asf", "wmv2"),
}
"""Container and codec."""


def sound(kind: str, wave: np.ndarray = TONE, rate: int = RATE) -> bytes:
    """A sound file of one of the kinds of `SOUNDS` or `TRACKS`."""
    if kind in TRACKS:
        return track(*TRACKS[kind], wave, rate)
    out = io.BytesIO()
    soundfile.write(out, wave, rate, format=SOUNDS[kind][0], subtype=SOUNDS[kind][1])
    return out.getvalue()


def track(container: str, codec: str, wave: np.ndarray = TONE, rate: int = RATE) -> bytes:
    """A file with an audio track alone."""
    av = pytest.importorskip("av")
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout="mono")
        if codec != "pcm_s16le":
            stream.bit_rate = 24_000
        samples = av.AudioFrame.from_ndarray(np.rint(wave * 32767).astype(np.int16)[None], format="s16", layout="mono")
        samples.rate, samples.pts = rate, 0
        for frame in av.AudioResampler(format=stream.format).resample(samples):
            for packet in stream.encode(frame):
                file.mux(packet)
        for packet in stream.encode():
            file.mux(packet)
    return out.getvalue()


def video(kind: str = "mp4", pictures: Any = FRAMES, **options: str) -> bytes:
    """A video file of one of the kinds of `VIDEOS` at 25 frames a second; all frames get the size of the first."""
    av = pytest.importorskip("av")
    container, codec = VIDEOS[kind]
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = pictures[0].shape[1], pictures[0].shape[0], "yuv420p"
        for picture in pictures:
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                file.mux(packet)
        for packet in stream.encode():
            file.mux(packet)
    return out.getvalue()
