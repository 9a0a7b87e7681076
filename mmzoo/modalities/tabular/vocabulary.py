"""The categories that a column has, and which of them a cell means that is written a little otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence


class Vocabulary:
    """The places of words.

    A word that is not there is taken for the only one that differs from it by case or by zeros at its beginning, since
    programs write TRUE as True and 01067 as 1067. Of words that are there each is itself.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.places = {word: place for place, word in enumerate(words)}
        alike: dict[str, list[int]] = defaultdict(list)
        for word, place in self.places.items():
            alike[loose(word)].append(place)
        self.alike = {key: places[0] for key, places in alike.items() if len(places) == 1}

    def place(self, word: str) -> int | None:
        """The place of a word, from 0 on; None where it is unknown."""
        found = self.places.get(word)
        return self.alike.get(loose(word)) if found is None else found


def loose(word: str) -> str:
    """A word without its case, and digits without zeros before them."""
    return (word.lstrip("0") or "0") if word.isascii() and word.isdigit() else word.casefold()
