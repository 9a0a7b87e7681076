"""Texts made worse: words left out, typos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.modalities.corruption import Corruption
from mmzoo.modalities.text.columns import as_text

if TYPE_CHECKING:
    from mmzoo.modalities.base import Modality


def reworded(change: Callable[[str, float, np.random.Generator], str]) -> Callable[..., np.ndarray]:
    """A change of a string as one of decoded examples."""

    def apply(
        values: Sequence[Raw], examples: np.ndarray, level: float, random: np.random.Generator, item: Modality
    ) -> np.ndarray:
        out = examples.copy()
        for k, value in enumerate(values):
            if value is not None:
                out[k] = item.decode(change(as_text(value), level, random))
        return out

    return apply


def drop_words(text: str, level: float, random: np.random.Generator) -> str:
    """Each word left out with probability `level`; one stays."""
    words = text.split()
    kept = [word for word in words if random.random() >= level]
    return " ".join(kept or words[:1])


def mistype(text: str, level: float, random: np.random.Generator) -> str:
    """Each letter, with probability `level`, left out, doubled, changed, or swapped with the next."""
    letters = list(text)
    for k in np.flatnonzero(random.random(len(letters)) < level):
        if letters[k].isspace():
            continue
        kind = int(random.integers(4))
        if kind == 3 and k + 1 < len(letters):
            letters[k], letters[k + 1] = letters[k + 1], letters[k]
        else:
            letters[k] = ("", letters[k] * 2, chr(97 + random.integers(26)))[min(kind, 2)]
    return "".join(letters)


CORRUPTIONS = {
    "words left out": Corruption("share", (0.2, 0.4, 0.6, 0.8), reworded(drop_words)),
    "typos": Corruption("share of letters", (0.05, 0.1, 0.2, 0.4), reworded(mistype)),
}
