"""What tells whether two values are the same, or nearly."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.modalities.base import read_bytes

ROWS, COLUMNS = 8, 9  # of the small map that stands for a picture or a sound
BANDS = 4  # parts of a hash, of 16 bits each: two hashes that differ in less bits than that share one of them
CLOSE = {"image": 4.0, "audio": 1.0}  # mean difference of two maps: of 255 levels; in dB


def exact(value: Any) -> bytes:
    """A hash of what a value holds: of a file's bytes, of an array, of a text."""
    digest = hashlib.sha256()
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
    elif isinstance(value, bytes):
        digest.update(value)
    elif isinstance(value, Path):
        digest.update(read_bytes(value, "data")[0])
    else:
        digest.update(repr(value).encode("utf-8", "surrogatepass"))
    return digest.digest()


def plain_words(text: str) -> str:
    """A text without case, accents of width, and punctuation: what is left is nearly the same."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def picture_map(pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3), both at least 9, as the mean colours of 8 x 9 fields, float32 (8, 9, 3)."""
    rows = [part.mean(axis=0) for part in np.array_split(pixels.astype(np.float32), ROWS)]
    return np.array([[part.mean(axis=0) for part in np.array_split(row, COLUMNS)] for row in rows], np.float32)


def sound_map(wave: np.ndarray) -> np.ndarray:
    """float32 (N,), without the padding at its end, as the power in dB of 8 octave-like bands in 9 parts."""
    wave = np.trim_zeros(wave, "b")
    if len(wave) < 64 * COLUMNS:
        return np.zeros((ROWS, COLUMNS), np.float32)
    parts = np.array_split(wave, COLUMNS)
    power = [np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2 for part in parts]
    edges = [np.geomspace(1, len(each), ROWS + 1).astype(int) for each in power]
    bands = [[each[a : max(b, a + 1)].sum() for a, b in pairwise(e)] for each, e in zip(power, edges, strict=True)]
    return (10 * np.log10(np.array(bands, np.float32).T + 1e-6)).astype(np.float32)


def rising(small: np.ndarray) -> int:
    """64 bits: is each field brighter than its neighbour on the left ("dHash")?"""
    small = small.mean(axis=2) if small.ndim == 3 else small
    return int.from_bytes(np.packbits(small[:, 1:] > small[:, :-1]).tobytes(), "big")


def near_groups(kind: str, maps: dict[int, np.ndarray]) -> dict[int, int]:
    """For each of the numbered maps the least number of those it is nearly the same as, over others if need be.

    Two are nearly the same if their hashes differ in less than `BANDS` bits and their maps in less than `CLOSE`.
    """
    first = {number: number for number in maps}

    def least(number: int) -> int:
        while first[number] != number:
            first[number] = first[first[number]]
            number = first[number]
        return number

    buckets: dict[tuple[int, int], list[int]] = defaultdict(list)
    hashes = {number: rising(small) for number, small in maps.items()}
    for number, small in maps.items():
        for band in range(BANDS):
            bucket = buckets[band, hashes[number] >> 16 * band & 0xFFFF]
            for other in bucket:
                if least(other) == least(number) or (hashes[number] ^ hashes[other]).bit_count() >= BANDS:
                    continue
                if np.abs(small - maps[other]).mean() < CLOSE[kind]:
                    a, b = sorted((least(other), least(number)))
                    first[b] = a
            bucket.append(number)
    return {number: least(number) for number in maps}
