"""How good texts are, held against one or several right ones each; by sacrebleu, jiwer and RapidFuzz."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from mmzoo.aliases import Untyped

References = Sequence[Sequence[str]]
"""Of each record, the right answers: one at least."""


def exact(found: Sequence[str], right: References) -> np.ndarray:
    """Is it one of the right ones, but for capitals and spaces? 1 or 0, float (N,)."""
    same = [plain(text) in {plain(each) for each in several} for text, several in zip(found, right, strict=True)]
    return np.array(same, float)


def plain(text: str) -> str:
    """In lower case, with single spaces."""
    return " ".join(words_of(text))


def words_of(text: str) -> list[str]:
    """What stands between blanks, in lower case."""
    return text.casefold().split()


def chrf(found: Sequence[str], right: References) -> np.ndarray:
    """The F-score of n-grams of characters, 0 to 100, float (N,), against the right one where it is highest.

    chrF2 with n up to 6 (Popovic 2015, "chrF: character n-gram F-score for automatic MT evaluation"), by sacrebleu.
    """
    return np.array([_chrf(text, tuple(several)) for text, several in zip(found, right, strict=True)])


@lru_cache(maxsize=100_000)
def _chrf(text: str, right: tuple[str, ...]) -> float:
    return float(_scorer().sentence_score(text, list(right)).score)


@lru_cache(maxsize=1)
def _scorer() -> Untyped:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


def bleu(found: Sequence[str], right: References) -> float:
    """Of all texts together, 0 to 100 (Papineni et al. 2002), as sacrebleu has it.

    Of texts that are all shorter than four words the n-grams that there are.
    """
    from sacrebleu.metrics.bleu import BLEU

    most = max(len(several) for several in right)
    columns: Untyped = [[several[k] if k < len(several) else None for several in right] for k in range(most)]
    longest = max(len(each.split()) for several in right for each in several)
    return float(BLEU(max_ngram_order=min(4, max(longest, 1))).corpus_score(list(found), columns).score)


def word_errors(found: Sequence[str], right: References) -> float:
    """The word error rate: words to be changed, left out or put in, of those that should be there; by jiwer.

    Without regard to capitals. Of several right ones that counts to which least is to be done.
    """
    import jiwer

    wrong, words = 0, 0
    for text, several in zip(found, right, strict=True):
        counts = []
        for each in several:
            if not each.strip():
                continue
            made = jiwer.process_words(plain(each), plain(text))
            edits = made.substitutions + made.deletions + made.insertions
            counts.append((edits, made.hits + made.substitutions + made.deletions))
        if counts:
            best = min(counts, key=lambda pair: pair[0] / pair[1])
            wrong, words = wrong + best[0], words + best[1]
    return wrong / max(words, 1)


def rouge_l(found: Sequence[str], right: References) -> np.ndarray:
    """The F-score of the words that two texts have in the same order, 0 to 1, float (N,), where it is highest.

    ROUGE-L (Lin 2004, "ROUGE: A package for automatic evaluation of summaries"), of recall and precision alike;
    without regard to capitals, and no word is stemmed. The longest common subsequence is found by RapidFuzz.
    """
    from rapidfuzz.distance import LCSseq

    def score(text: str, other: str) -> float:
        words, wanted = words_of(text), words_of(other)
        return 2.0 * LCSseq.similarity(words, wanted) / max(len(words) + len(wanted), 1)

    return np.array(
        [max(score(text, each) for each in several) for text, several in zip(found, right, strict=True)], float
    )
