"""WAV files of 16-bit samples, read without a library, and what headers claim of how long a recording is.

soundfile takes 4.0 times as long for a second at 16 kHz (`python benchmarks/wav.py`); all other sounds are read by it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mmzoo.errors import DataError
from mmzoo.files import open_plain

FIRST = 2**16  # bytes that are read at first; the samples must begin in them, and of most short sounds it is all
FORMAT, BITS = 1, 16  # PCM
RATES, CHANNELS = range(1000, 768_001), range(1, 65)  # what recorders write; else it is a header that lies
MAX_CHUNKS = 1000  # parts that a recording is made of


class Plain(NamedTuple):
    """Samples int16 (N,) or (N, channels), their rate, and how many the whole file has."""

    samples: np.ndarray
    rate: int
    frames: int


def read_plain(value: str | os.PathLike[str] | bytes, seconds: float) -> Plain | None:
    """The first `seconds` of a WAV file whose header is as plain as can be; None for anything else, whatever it is."""
    if isinstance(value, bytes):
        return plain(lambda at, length: value[at : at + length], len(value), seconds)
    try:
        file, size = open_plain(value)
    except OSError:
        return None
    try:
        return plain(reader(file), size, seconds)
    except OSError:
        return None
    finally:
        os.close(file)


def reader(file: int) -> Callable[[int, int], bytes]:
    """What reads `length` bytes at `at` of a file that is open, or those that there are."""

    def read(at: int, length: int) -> bytes:
        os.lseek(file, at, os.SEEK_SET)
        return os.read(file, length)

    return read


def plain(read: Callable[[int, int], bytes], whole: int, seconds: float) -> Plain | None:
    """See `read_plain`. `whole`: bytes in all."""
    data = read(0, FIRST)
    found = plain_header(data)
    # What follows the samples is left to whoever looks whether they were counted right.
    if not found or not 0 <= whole - found[0] - found[1] <= 1:
        return None
    start, size, channels, rate = found
    stop = start + min(size, int(seconds * rate) * 2 * channels)
    if stop > len(data):
        data += read(len(data), stop - len(data))
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
    usual = channels in CHANNELS and rate in RATES
    plain = usual and (length, form, bits, block) == (16, FORMAT, BITS, 2 * channels) and name == b"data"
    return (at + 8, size, channels, rate) if plain and size and not size % block else None


class Claim(NamedTuple):
    """Where a header says how many bytes of samples there are and in which form, where they begin, and what it says."""

    at: int
    form: str
    start: int
    size: int


LAYOUTS = {
    # Of a file that begins so: where its parts begin, the form of their length, and which part is the samples.
    b"RIFF": (12, "<I", b"data"),
    b"RIFX": (12, ">I", b"data"),
    b"RF64": (12, "<I", b"data"),
    b"FORM": (12, ">I", b"SSND"),
    b"caff": (8, ">q", b"data"),
}


def claimed(read: Callable[[int, int], bytes]) -> Claim | None:
    """What the header of a WAV, RF64, AIFF, CAF or AU file claims; None for other files and where nothing is found."""
    head = read(0, 12)
    if head[:4] in (b".snd", b"dns."):
        form = ">I" if head[:1] == b"." else "<I"
        return Claim(8, form, *struct.unpack(form[0] + "II", head[4:])) if len(head) == 12 else None
    if head[:4] not in LAYOUTS:
        return None
    at, form, wanted = LAYOUTS[head[:4]]
    large: Claim | None = None
    for _ in range(MAX_CHUNKS):
        length = 4 + struct.calcsize(form)
        part = read(at, length)
        if len(part) < length:
            return None
        (size,) = struct.unpack(form, part[4:])
        if part[:4] == wanted:
            return large._replace(start=at + length) if large else Claim(at + 4, form, at + length, size)
        if part[:4] == b"ds64" and head[:4] == b"RF64":  # the length of the samples in 64 bits
            told = read(at + 16, 8)
            large = Claim(at + 16, "<Q", 0, struct.unpack("<Q", told)[0]) if len(told) == 8 else None
        at += length + max(size, 0) + (size % 2 if head[:4] != b"caff" else 0)
    return None


def mended(read: Callable[[int, int], bytes], whole: int, origin: str) -> tuple[int, bytes] | None:
    """Where to write what over a header so that it counts the samples up to the file's end; None where it is right.

    A recorder that is switched off or whose output is a pipe claims none or all that there can be, for it would have
    written the length at the end; and a file that is cut claims more than there is.

    Args:
        whole: bytes in all.

    Raises:
        DataError: the header says less than there is.
    """
    claim = claimed(read)
    if claim is None:
        return None
    there = max(whole - claim.start, 0)
    if not 0 <= claim.size <= there:
        return claim.at, struct.pack(claim.form, there)
    rest = there - claim.size
    padding = claim.size % 2
    if rest <= padding or any(is_end(read, claim, whole, pad) for pad in {0, padding}):
        return None
    if claim.size == 0:
        return claim.at, struct.pack(claim.form, there)
    raise DataError(
        f"{origin} says that it holds {claim.size} bytes of samples, but {rest} more follow; repair its header.",
        "lying_audio",
    )


def is_end(read: Callable[[int, int], bytes], claim: Claim, whole: int, padding: int) -> bool:
    """Is what follows the samples no sound, but parts of another kind, a tag or zeros up to the end of the file?"""
    at = claim.start + claim.size + padding
    rest = read(at, FIRST)
    if rest[:3] in (b"TAG", b"ID3") or rest[:8] == b"APETAGEX":
        return True
    if claim.size and at + len(rest) == whole and not rest.strip(b"\0"):
        return True
    length = 4 + struct.calcsize(claim.form)
    for _ in range(MAX_CHUNKS):
        part = read(at, length)
        if len(part) < length or not all(32 <= byte < 127 for byte in part[:4]):
            return False
        (size,) = struct.unpack(claim.form, part[4:])
        at += length + size
        if size < 0 or at > whole:
            return False
        if at + size % 2 >= whole:
            return True
        at += size % 2 if claim.form != ">q" else 0
    return False
