"""WAV files of 16-bit samples, read without a library: most are such, and it takes a tenth of the time."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

HEAD = 4096  # bytes at the start of a file in which the samples must begin
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
            head = file.read(HEAD) or b""
            found = plain_header(head)
            if not found:
                return None
            start, size, channels, rate = found
            if start + size > (len(value) if isinstance(value, bytes) else os.fstat(file.fileno()).st_size):
                return None
            wanted = min(size, int(seconds * rate) * 2 * channels)
            file.seek(start)
            data = file.read(wanted) or b""
    except (OSError, ValueError):
        return None
    if len(data) != wanted:
        return None
    samples = np.frombuffer(data, "<i2")
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
