"""What tells whether two values are the same, or nearly."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import DataError
from mmzoo.modalities.files import read_bytes

BANDS = 4  # parts of a hash, of 16 bits each: two hashes that differ in less bits than that share one of them


def exact(value: Raw) -> bytes:
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


def groups(values: Sequence[object]) -> np.ndarray:
    """A number for each value, int32 (N,): that of the first which holds the same, -1 for none or one that is bad.

    Of files only those are read that are as large as another.
    """
    sizes = Counter(value.stat().st_size for value in values if isinstance(value, Path) and value.is_file())
    found = np.full(len(values), -1, np.int32)
    first: dict[Hashable, int] = {}
    for row, value in enumerate(values):
        if value is None or isinstance(value, DataError):
            continue
        unique = isinstance(value, Path) and (not value.is_file() or sizes[value.stat().st_size] == 1)
        found[row] = first.setdefault(value if unique else exact(value), row)
    return found


def plain_words(text: str) -> str:
    """A text without case, accents of width, and punctuation: what is left is nearly the same."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def rising(small: np.ndarray) -> int:
    """64 bits: is each field brighter than its neighbour on the left ("dHash")?"""
    small = small.mean(axis=2) if small.ndim == 3 else small
    return int.from_bytes(np.packbits(small[:, 1:] > small[:, :-1]).tobytes(), "big")


def near_groups(maps: dict[int, np.ndarray], closeness: float) -> dict[int, int]:
    """For each of the numbered maps the least number of those it is nearly the same as, over others if need be.

    Two are nearly the same if their hashes differ in less than `BANDS` bits and their maps on average in less than
    `closeness`.
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
                if np.abs(small - maps[other]).mean() < closeness:
                    a, b = sorted((least(other), least(number)))
                    first[b] = a
            bucket.append(number)
    return {number: least(number) for number in maps}
