"""CIDEr-D: how much texts agree with what several people wrote, by the n-grams that are told of few records."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from mmzoo.tasks.metrics.text_scores import words_of

ORDERS = (1, 2, 3, 4)
SIGMA = 6.0  # words: how far the lengths of two texts may differ

Grams = Counter[tuple[str, ...]]
Weights = dict[tuple[str, ...], float]


def cider(found: Sequence[str], right: Sequence[Sequence[str]]) -> np.ndarray:
    """CIDEr-D of each text, 0 to 10, float (N,), the mean over its right ones.

    Vedantam et al. 2015, "CIDEr: Consensus-based image description evaluation", equations 1 to 4: n-grams of one to
    four words count the more, the fewer records have them among their right texts. So it tells nothing of a single
    record, and of texts of fewer than four words it stays below 10. Without regard to capitals; no word is stemmed.

    Args:
        right: of each record, the right texts: one at least.
    """
    given = [words_of(text) for text in found]
    wanted = [[words_of(text) for text in several] for several in right]
    having = {n: Counter(gram for several in wanted for gram in {*grams_of(several, n)}) for n in ORDERS}
    scores = [
        np.mean([similarity(words, each, having, len(wanted)) for each in several])
        for words, several in zip(given, wanted, strict=True)
    ]
    return np.array(scores, float)


def grams(words: Sequence[str], n: int) -> Grams:
    """How often each run of n words comes."""
    return Counter(zip(*(words[k:] for k in range(n)), strict=False))


def grams_of(several: Sequence[Sequence[str]], n: int) -> Grams:
    return sum((grams(words, n) for words in several), Counter())


def similarity(found: Sequence[str], right: Sequence[str], having: dict[int, Grams], records: int) -> float:
    """Of two texts, 0 to 10: the mean over n of the cosine of their n-grams' weights, less for another length.

    Args:
        having: by n, in how many of so many records an n-gram is among the right texts.
    """
    cosines = []
    for n in ORDERS:
        ours, theirs = (weighed(grams(words, n), having[n], records) for words in (found, right))
        # What is said more often than in the right text gains nothing.
        both = sum(min(ours[gram], theirs[gram]) * theirs[gram] for gram in {*ours} & {*theirs})
        cosines.append(both / (length(ours) * length(theirs)) if both else 0.0)
    return 10.0 * math.exp(-((len(found) - len(right)) ** 2) / (2 * SIGMA**2)) * sum(cosines) / len(cosines)


def length(weights: Weights) -> float:
    return math.sqrt(sum(each * each for each in weights.values()))


def weighed(counts: Grams, having: Grams, records: int) -> Weights:
    return {gram: count * math.log(records / max(having[gram], 1)) for gram, count in counts.items()}
