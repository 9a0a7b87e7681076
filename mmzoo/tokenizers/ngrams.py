"""N-grams of characters and words, of a vocabulary learnt from the training texts, inside the graph."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated

import keras
import numpy as np
from keras import ops
from tqdm import tqdm

from mmzoo.aliases import Tensor
from mmzoo.options import Range
from mmzoo.tokenizers import tokenizers
from mmzoo.tokenizers.bytewise import last_not_after, lower_case, shifted
from mmzoo.tokenizers.hashed_words import shifted_right, word_bounds
from mmzoo.tokenizers.ngrams_on_host import BASES, LONGEST, PRIMES, Finder, entry_of, names_of, parsed

Vocabulary = tuple[str, ...]

MOST_LOOKED_AT = 2**24  # bytes that the vocabulary is learnt from
ENOUGH = 300  # n-grams


@tokenizers.register("ngrams", where="graph", vocabulary="trained")
class NgramsTokenizer:
    """N-grams: 2 to 5 characters within a word, words, and pairs of words; in the graph, from raw bytes.

    What linear models of texts count (as scikit-learn's `char_wb` and words do). An id stands for the n-gram
    wherever it is: the tokens have no order, so this is for towers that need none ("embedding_bag").

    Args:
        size: n-grams that are kept, those that most training texts have.
        characters: are there n-grams of characters? Without them words are kept before pairs of words. In long texts
            words say enough, and characters would leave no place for the rare ones.
    """

    def __init__(self, *, size: Annotated[int, Range(300, 32_768)] = 16_384, characters: bool = True) -> None:
        self.size, self.characters = size, characters

    def train(self, texts: Iterable[str]) -> Vocabulary:
        """The n-grams that most of the texts have, each with its inverse document frequency.

        One that a single text has tells nothing of others: it is left out, if enough are left.
        """
        chosen = [text.encode() for text in texts]
        step = max(sum(map(len, chosen)) // MOST_LOOKED_AT, 1)
        chosen = chosen[::step]  # spread over all
        finder, counts = Finder(characters=self.characters), Counter[int]()
        for data in tqdm(chosen, desc="learning n-grams", unit="text", disable=None, leave=False, delay=1.0):
            counts.update(set(finder.every(data)))
        often = [key for key, count in counts.items() if count > 1]
        known = often if len(often) >= ENOUGH else counts
        first = counts.keys() if self.characters else finder.words
        ordered = sorted(known, key=lambda key: (key not in first, -counts[key], key))
        kept = set(ordered[: self.size])
        names = names_of(chosen, kept, characters=self.characters)
        idf = {key: 1 + math.log((1 + len(chosen)) / (1 + counts[key])) for key in names}
        # Texts that say nothing at all have none; but a model of them can be made.
        return tuple(entry_of(*names[key], idf[key]) for key in sorted(names)) or (entry_of("w", "a", 1.0),)

    def layer(self, length: int, name: str, vocabulary: Sequence[str]) -> keras.layers.Layer:
        return Ngrams(length, vocabulary, name=name)


@keras.saving.register_keras_serializable("mmzoo")
class Ngrams(keras.layers.Layer):
    """The different n-grams of a vocabulary that a text has, and how much each says.

    uint8 (B, L) -> ids int32 (B, length), 0 where there are no more, and weights float32 (B, length): (1 + log of how
    often it is there) * idf, of length 1 for each text (TF-IDF; Salton & Buckley 1988). If a text has more than
    `length` different ones, those with the highest ids stay, which is any of them: ids are in the order of hashes.

    An n-gram is known by its hash of 30 bits, made of two polynomials modulo primes, all of whose products stay under
    2**31; one that is none of the vocabulary's is taken for one with a probability of `len(vocabulary)` / 2**30.
    """

    def __init__(self, length: int, vocabulary: Sequence[str], **kwargs: object) -> None:
        super().__init__(**{"trainable": False, **kwargs})
        self.length, self.vocabulary = length, tuple(vocabulary)
        found = parsed(self.vocabulary)
        self.characters = any(entry.startswith("c") for entry in self.vocabulary)
        self.keys = np.array([key for key, _ in found], np.int32)
        self.idf = np.array([0.0, *(idf for _, idf in found)], np.float32)
        self.starts = np.searchsorted(self.keys // 2**15, np.arange(PRIMES[0] + 1)).astype(np.int32)
        self.most = int(np.diff(self.starts).max())

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "length": self.length, "vocabulary": list(self.vocabulary)}

    def compute_output_spec(self, x: Tensor) -> tuple[Tensor, Tensor]:
        shape = x.shape[0], self.length
        return keras.KerasTensor(shape, "int32"), keras.KerasTensor(shape, "float32")

    def call(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = lower_case(x)
        x = ops.where(ops.logical_or(x == 0, ops.logical_and(x >= 9, x <= 13)), 32, x)
        x = ops.pad(x, ((0, 0), (1, 1)), constant_values=32)
        keys = ops.concatenate([*(_characters(x) if self.characters else []), *_words(x)], axis=1)
        ids, counts = different(self._known(keys), self.length)
        weights = (1 + ops.log(ops.cast(ops.maximum(counts, 1), "float32"))) * ops.take(self.idf, ids)
        norm = ops.sqrt(ops.sum(weights * weights, axis=1, keepdims=True))
        return ids, weights / ops.maximum(norm, 1e-6)

    def on_host(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What `call` gives for uint8 (B, L), by dictionaries of words in place of the graph: many times faster."""
        return self.finder.found(rows, self.length, self.idf)

    @property
    def finder(self) -> Finder:
        if not hasattr(self, "_finder"):
            self._finder = Finder(self.keys, characters=self.characters)
        return self._finder

    def _known(self, keys: Tensor) -> Tensor:
        """The ids of hashes int32 (B, N); 0 for those of no n-gram of the vocabulary, and for -1, which is no hash."""
        starts, known = ops.convert_to_tensor(self.starts), ops.convert_to_tensor(self.keys)
        first = ops.maximum(keys, 0) // 2**15
        low = last_not_after(known, ops.take(starts, first), keys, self.most)
        return ops.where(ops.take(known, low) == keys, low + 1, 0)


def _characters(x: Tensor) -> list[Tensor]:
    """The hashes of the n-grams of 2 to 5 characters that begin at each byte of (B, L), -1 where there is none."""
    follows = ops.cast(ops.logical_and(x >= 0x80, x < 0xC0), "int32")
    char, size, going_on = x, 1, ops.cast(x >= 0xC0, "int32")
    for place in (1, 2, 3):  # the further bytes of a character
        going_on = going_on * shifted(follows, place)
        char = ops.where(going_on > 0, (char * 64 + shifted(x, place) - 0x80) % PRIMES[0], char)
        size = size + going_on
    last = x.shape[1] - 1
    here = ops.zeros_like(x) + ops.arange(last + 1, dtype="int32")
    onwards = ops.minimum(here + size, last)
    is_space = ops.cast(char == 32, "int32")
    # A character and whether it is a space in one number, so that one step onwards reads both.
    packed = char * 2 + is_space
    hashes = [char % prime for prime in PRIMES]
    good = 1 - follows  # an n-gram begins with a character, and has a space nowhere but at its ends
    at, found = here, []
    for number in range(2, LONGEST + 1):
        at = ops.take_along_axis(onwards, at, axis=1)
        next_packed = ops.take_along_axis(packed, at, axis=1)
        next_char, next_space = next_packed // 2, next_packed % 2
        hashes = [(h * b + next_char) % p for h, b, p in zip(hashes, BASES[:2], PRIMES, strict=True)]
        whole = good * (1 - is_space * next_space) if number == 2 else good
        found.append(ops.where(whole > 0, hashes[0] * 2**15 + hashes[1], -1))
        good = good * (1 - next_space)
    return found


def _words(x: Tensor) -> list[Tensor]:
    """The hashes of the words, and of the pairs of words, that end at each byte of (B, L), -1 where there is none."""
    starts, goes_on = word_bounds(x)
    length = x.shape[1]
    here = ops.arange(length, dtype="int32")
    inside = ops.maximum(ops.cast(starts, "int32"), goes_on)
    ends = ops.logical_and(inside > 0, shifted(goes_on, 1) == 0)
    begin = latest(ops.where(starts, here, 0))
    # One place further, so that 0 says that no word has ended.
    ended = shifted_right(latest(ops.where(ends, here + 1, 0)))
    previous = ops.take_along_axis(ended, begin, axis=1)
    words, pairs = [], []
    for prime, base in zip(PRIMES, BASES[2:4], strict=True):
        # The sum of bytes times powers by their place in the text, from the start of the word, brought to power 0.
        powers = np.array([pow(base, place, prime) for place in range(length)], np.int32)
        back = np.array([pow(base, -place, prime) for place in range(length)], np.int32)
        terms = x * powers % prime * inside
        sums = ops.cumsum(terms, axis=1)
        before = ops.take_along_axis(sums - terms, begin, axis=1)
        word = (sums - before) % prime * ops.take(back, begin) % prime
        earlier = ops.take_along_axis(word, ops.maximum(previous - 1, 0), axis=1)
        words.append(word)
        pairs.append((earlier * BASES[4] + word + 1) % prime)
    of_words, of_pairs = (first * 2**15 + second for first, second in (words, pairs))
    paired = ops.logical_and(ends, previous > 0)
    return [ops.where(ends, of_words, -1), ops.where(paired, of_pairs, -1)]


def latest(marks: Tensor) -> Tensor:
    """At each place of int32 (B, L), 0 or more, the largest up to there, by doubling."""
    step = 1
    while step < marks.shape[1]:
        marks = ops.maximum(marks, ops.pad(marks[:, :-step], ((0, 0), (step, 0))))
        step *= 2
    return marks


def different(ids: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """The different ids above 0 of int32 (B, N), from the highest on, and how often each is there.

    Returns: int32 (B, most) both, zeros where there are no more.
    """
    total = ids.shape[1]
    ordered, _ = ops.top_k(ids, total)
    new = ops.logical_and(ordered != shifted_right(ordered), ordered > 0)
    # How far from the end each run of equal ids begins, the first run first.
    places = ops.where(new, total - ops.arange(total, dtype="int32"), 0)
    runs, _ = ops.top_k(places, min(most + 1, total))
    runs = ops.pad(runs, ((0, 0), (0, max(most + 1 - total, 0))))
    end = total - ops.sum(ops.cast(ordered > 0, "int32"), axis=1, keepdims=True)
    runs, following = runs[:, :most], runs[:, 1:]
    if following.shape[1] < most:
        following = ops.pad(following, ((0, 0), (0, most - following.shape[1])))
    found = ops.take_along_axis(ordered, ops.minimum(total - runs, total - 1), axis=1)
    return ops.where(runs > 0, found, 0), ops.where(runs > 0, runs - ops.maximum(following, end), 0)
