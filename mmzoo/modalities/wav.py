"""WAV files of 16-bit samples, read without a library: most are such, and it spends more on opening than on reading."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

FIRST = 2**16  # bytes that are read at first; the samples must begin in them, and of most short sounds it is all
FORMAT, BITS = 1, 16  # PCM
RATES, CHANNELS = range(1000, 768_001), range(1, 65)  # what recorders write; else it is a header that lies


class Plain(NamedTuple):
    """Samples int16 (N,) or (N, channels), their rate, and how many the whole file has."""

    samples: np.ndarray
    rate: int
    frames: int


def read_plain(value: str | Path | bytes, seconds: float) -> Plain | None:
    """The first `seconds` of a WAV file whose header is as plain as can be; None for anything else, whatever it is."""
    try:
        with io.BytesIO(value) if isinstance(value, bytes) else open(value, "rb", buffering=0) as file:
            whole = len(value) if isinstance(value, bytes) else os.fstat(file.fileno()).st_size
            data = file.read(FIRST) or b""
            found = plain_header(data)
            if not found or found[0] + found[1] > whole:
                return None
            start, size, channels, rate = found
            stop = start + min(size, int(seconds * rate) * 2 * channels)
            if stop > len(data):
                data += file.read(stop - len(data)) or b""
    except (OSError, ValueError):
        return None
    if len(data) < stop:
        return None
    samples = np.frombuffer(data, "<i2", (stop - start) // 2, start)
    return Plain(samples if channels == 1 else samples.reshape(-1, channels), rate, size // (2 * channels))


def plain_header(head: bytes) -> tuple[int, int, int, int] | None:
    """Where the samples begin, how many bytes they are, channels and rate; None unless everything fits together."""
    if head[:4] != b"RIFF" or head[8:16] != b"WAVEfmt ":
        return None
    try:
        length, form, channels, rate, _, block, bits = struct.unpack_from("<IHHIIHH", head, 16)
        at = 20 + length
        name, size = struct.unpack_from("<4sI", head, at)
        while name == b"LIST":  # what the recording is called, and by whom
            at += 8 + size + size % 2
            name, size = struct.unpack_from("<4sI", head, at)
    except struct.error:
        return None
    plain = (length, form, bits, block) == (16, FORMAT, BITS, 2 * channels) and name == b"data"
    usual = channels in CHANNELS and rate in RATES and size and not size % block
    return (at + 8, size, channels, rate) if plain and usual else None
