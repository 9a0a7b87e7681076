"""CIDEr-D, held against the equations of its paper over whole matrices."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from mmzoo.tasks.metrics.cider import cider

RIGHT = [
    ["a man riding a wave on top of a surfboard", "someone surfs on a big wave"],
    ["two dogs play with a ball", "Two dogs and a ball on the grass", "dogs"],
    ["a plate of food on a table"],
    ["a man and a dog on a wave"],
]
FOUND = ["a man surfs on a wave", "two dogs two dogs two dogs play with a ball", "", "A MAN and a dog on a wave"]


def by_matrices(found: list[str], right: list[list[str]]) -> np.ndarray:
    """Equations 1, 4 and 5 of Vedantam et al. 2015 with a column for each n-gram."""
    total = np.zeros(len(found))
    every = [text for several in right for text in several]
    owners = np.array([k for k, several in enumerate(right) for _ in several])
    lengths = np.array([len(text.split()) for text in found])[owners] - [len(text.split()) for text in every]
    for n in (1, 2, 3, 4):
        reader = CountVectorizer(ngram_range=(n, n), token_pattern=r"\S+").fit([*every, *found])
        counts, theirs = reader.transform(every).toarray(), reader.transform(found).toarray()[owners]
        having = np.stack([counts[owners == k].any(axis=0) for k in range(len(right))]).sum(axis=0)
        idf = np.log(len(right) / np.maximum(having, 1))
        a, b = theirs * idf, counts * idf
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        cosines = (np.minimum(a, b) * b).sum(axis=1) / np.where(norms > 0, norms, 1.0)
        each = 10.0 * np.exp(-(lengths**2) / (2 * 6.0**2)) * cosines / 4
        total += np.bincount(owners, each) / np.bincount(owners)
    return total


def test_it_is_what_the_paper_says() -> None:
    np.testing.assert_allclose(cider(FOUND, RIGHT), by_matrices(FOUND, RIGHT), atol=1e-9)


def test_what_is_right_has_ten_and_what_all_say_counts_nothing() -> None:
    assert cider(["a b c d", "e f g h"], [["a b c d"], ["E f g h"]]) == pytest.approx([10.0, 10.0])
    assert cider(["e f g h", ""], [["a b c d"], ["e f g h"]]).tolist() == [0.0, 0.0]
    assert cider(["a b c d"], [["a b c d"]]).tolist() == [0.0]  # of one record nothing is rare
    short = cider(["red cat", "dog"], [["red cat"], ["dog"]])
    assert short == pytest.approx([5.0, 2.5])  # one to two words of up to four
