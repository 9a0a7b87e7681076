"""Texts as weighted counts of words and of pieces of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from mmzoo.aliases import Untyped
from mmzoo.modalities.text.columns import as_text
from mmzoo.modalities.vectorizer import Vectorizer
from mmzoo.tokenizers.normalizing import normalized

MOST = 200_000  # columns of each of the two
SHORT = 500  # characters on average up to which pieces of words are counted: in long texts the words are enough


class TfIdf(Vectorizer):
    """TF-IDF of words and pairs of words, of short texts also of 2 to 5 characters within a word. Sparse (N, F).

    Counts are `1 + log n`, and each of the two parts of a row has length 1 (Salton & Buckley 1988).
    """

    def __init__(self) -> None:
        self.parts: list[Untyped] = []

    def fit(self, values: Sequence[object]) -> Self:
        from sklearn.feature_extraction.text import TfidfVectorizer

        texts = [normalized(as_text(value)) for value in values]
        common: dict[str, object] = {
            "lowercase": False,
            "sublinear_tf": True,
            "min_df": 2 if len(texts) >= 500 else 1,
            "max_features": MOST,
            "dtype": np.float32,
        }
        wanted = [TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", **common)]
        if np.mean([len(text) for text in texts]) <= SHORT:
            wanted.append(TfidfVectorizer(ngram_range=(2, 5), analyzer="char_wb", **common))
        self.parts = []
        for part in wanted:
            try:
                self.parts.append(part.fit(texts))
            except ValueError:  # there is not one word, or none in two texts
                continue
        return self

    def transform(self, values: Sequence[object]) -> Untyped:
        from scipy.sparse import csr_array, hstack

        texts = [normalized(as_text(value)) for value in values]
        if not self.parts:
            return csr_array((len(texts), 1), dtype=np.float32)
        return hstack([part.transform(texts) for part in self.parts], format="csr")
