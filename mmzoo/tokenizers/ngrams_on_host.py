"""The n-grams of texts in plain Python: what learns the vocabulary, and gives the ids that the graph gives."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import pairwise

import numpy as np

from mmzoo.errors import require

PRIMES = (32749, 32719)
BASES = (257, 263, 269, 271, 277)
"""Of characters, by prime; of words, by prime; of pairs of words."""
LONGEST = 5  # characters
MOST_BYTES = 100  # of an n-gram in the vocabulary: longer words are mostly no words

CHARACTER = re.compile(rb"[\xc0-\xff][\x80-\xbf]{0,3}|[\x00-\xff]")
LONE = rb"[\xe3-\xe9][\x80-\xbf]{0,2}|[\xf0-\xff][\x80-\xbf]{0,3}"
WORD = re.compile(LONE + rb"|(?:[a-z0-9]|[\x80-\xe2\xea-\xef])+")
PLAIN = bytes.maketrans(bytes([0, *range(9, 14), *range(65, 91)]), b" " * 6 + bytes(range(97, 123)))
"""A-Z as a-z, and all that separates words as a space."""

MOST_REMEMBERED = 500_000

Halves = tuple[int, ...]
"""Of the hash of a word: modulo either prime; none for no word."""


def entry_of(kind: str, ngram: str, idf: float) -> str:
    """An entry of the vocabulary: what it is of, "c" for characters and "w" for words, itself, and its idf."""
    return f"{kind}{ngram} {idf:.2f}"


def parsed(vocabulary: Iterable[str]) -> list[tuple[int, float]]:
    """The hashes and idfs of the entries, in the order of the hashes.

    Raises:
        MMZooError: an entry is none that `entry_of` writes, or two have one hash.
    """
    found: dict[int, float] = {}
    for entry in vocabulary:
        ngram, _, idf = entry.rpartition(" ")
        kind, data = ngram[:1], ngram[1:].encode("utf-8", "replace")
        data = data if len(data) <= MOST_BYTES else b""
        chunk = data.removeprefix(b" ").removesuffix(b" ")
        every = ngrams_of(chunk) if kind == "c" and b" " not in chunk else words_of(data) if kind == "w" else []
        keys = {key for key, name in every if name == data}
        good = len(keys) == 1 and not keys & found.keys() and re.fullmatch(r"\d{1,2}\.\d\d", idf)
        require(good, f"'{entry[:MOST_BYTES]}' is no entry of a vocabulary of n-grams, or has the hash of another.")
        found[keys.pop()] = float(idf)
    return sorted(found.items())


def number_of(character: bytes) -> int:
    """A character as a number below the first prime."""
    value = character[0]
    for byte in character[1:]:
        value = (value * 64 + byte - 0x80) % PRIMES[0]
    return value


@lru_cache(maxsize=2**17)
def hash_of_word(word: bytes) -> Halves:
    """Its bytes times powers of a base."""
    return tuple(
        sum(byte * pow(base, place, prime) % prime for place, byte in enumerate(word)) % prime
        for prime, base in zip(PRIMES, BASES[2:4], strict=True)
    )


def hash_of_pair(one: Halves, other: Halves) -> int:
    """The hash of a word that follows another."""
    first, second = ((a * BASES[4] + b + 1) % prime for a, b, prime in zip(one, other, PRIMES, strict=True))
    return first * 2**15 + second


def words_of(data: bytes) -> list[tuple[int, bytes]]:
    """The hashes of the words of a text and of its pairs of words, with the bytes that they stand for."""
    words = WORD.findall(data)
    halves = [hash_of_word(word) for word in words]
    found = [(a * 2**15 + b, word) for (a, b), word in zip(halves, words, strict=True)]
    pairs = zip(pairwise(halves), pairwise(words), strict=True)
    return found + [(hash_of_pair(*hashes), b" ".join(pair)) for hashes, pair in pairs]


class Finder:
    """The n-grams of texts, each run of characters without a space looked at once and remembered.

    Args:
        keys: the hashes of a vocabulary in order: place k has id k + 1, and all others are left out. Without it the
            hashes themselves are found.
        characters: are n-grams of characters looked for, beside words?
    """

    def __init__(self, keys: np.ndarray | None = None, *, characters: bool = True) -> None:
        self.characters = characters
        self.ids = None if keys is None else {int(key): place for place, key in enumerate(keys, start=1)}
        self.chunks: dict[bytes, tuple[list[int], Halves, Halves]] = {}
        self.pairs: dict[tuple[Halves, Halves], int] = {}
        self.words: set[int] = set()
        """The hashes of all words that were looked at."""

    def every(self, data: bytes) -> list[int]:
        """Ids, or hashes, of all n-grams of a text, as often as they are there."""
        found: list[int] = []
        before: Halves = ()
        for chunk in data.translate(PLAIN).split():
            if chunk not in self.chunks:
                if len(self.chunks) >= MOST_REMEMBERED:
                    self.chunks.clear()
                self.chunks[chunk] = self._looked_at(chunk)
            own, first, last = self.chunks[chunk]
            found += own
            if first:
                if before and (key := self._pair(before, first)):
                    found.append(key)
                before = last
        return found

    def found(self, rows: np.ndarray, length: int, idf: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the layer `Ngrams` gives for uint8 (B, L)."""
        ids, counts = np.zeros((len(rows), length), np.int32), np.ones((len(rows), length), np.float32)
        for place, row in enumerate(rows):
            own, often = np.unique(np.array(self.every(row.tobytes()), np.int32), return_counts=True)
            own, often = own[::-1][:length], often[::-1][:length]
            ids[place, : len(own)], counts[place, : len(own)] = own, often
        weights = (1 + np.log(counts)) * idf[ids]
        norm = np.sqrt((weights * weights).sum(axis=1, keepdims=True))
        return ids, weights / np.maximum(norm, np.float32(1e-6))

    def _looked_at(self, chunk: bytes) -> tuple[list[int], Halves, Halves]:
        """What is found in a chunk alone, and the halves of the hashes of its first and of its last word."""
        keys = [key for key, _ in ngrams_of(chunk)] if self.characters else []
        words = [hash_of_word(word) for word in WORD.findall(chunk)]
        single = [a * 2**15 + b for a, b in words]
        self.words.update(single)
        keys += single
        keys += [hash_of_pair(*pair) for pair in pairwise(words)]
        own = keys if self.ids is None else [self.ids[key] for key in keys if key in self.ids]
        return own, words[0] if words else (), words[-1] if words else ()

    def _pair(self, one: Halves, other: Halves) -> int:
        """The id, or the hash, of a pair of words; 0 for one that the vocabulary lacks."""
        key = self.pairs.get((one, other))
        if key is None:
            if len(self.pairs) >= MOST_REMEMBERED:
                self.pairs.clear()
            key = hash_of_pair(one, other)
            key = self.pairs[one, other] = key if self.ids is None else self.ids.get(key, 0)
        return key


def ngrams_of(chunk: bytes) -> list[tuple[int, bytes]]:
    """The hashes of the n-grams of characters in a run without spaces, and the bytes that they stand for."""
    characters = [b" ", *CHARACTER.findall(chunk), b" "]
    numbers = [number_of(character) for character in characters]
    found = []
    for begin, first in enumerate(characters):
        if 0x80 <= first[0] < 0xC0:
            continue  # the rest of a character that was cut
        one, other = (numbers[begin] % prime for prime in PRIMES)
        for end in range(begin + 1, min(begin + LONGEST, len(characters))):
            one = (one * BASES[0] + numbers[end]) % PRIMES[0]
            other = (other * BASES[1] + numbers[end]) % PRIMES[1]
            found.append((one * 2**15 + other, b"".join(characters[begin : end + 1])))
    return found


def names_of(texts: Sequence[bytes], wanted: Collection[int], *, characters: bool) -> dict[int, tuple[str, str]]:
    """Of the n-grams that are `wanted` by their hash, those that can be written down: kind and text, by hash."""
    found: dict[int, tuple[str, str]] = {}

    def note(kind: str, every: Iterable[tuple[int, bytes]]) -> None:
        for key, name in every:
            if key in wanted and key not in found and len(name) <= MOST_BYTES:
                with suppress(UnicodeDecodeError):
                    found[key] = kind, name.decode()

    plain = [data.translate(PLAIN) for data in texts]
    for chunk in sorted({chunk for data in plain for chunk in data.split()}) if characters else ():
        note("c", ngrams_of(chunk))
    for data in plain:
        note("w", words_of(data))
    return found
