"""Lists and objects in the cells of a table, which no input reads as they stand: what can be done about them."""

from __future__ import annotations

import numpy as np

from mmzoo.aliases import Raw

SOUND = 1000  # numbers that may be a sound
FEW = 100  # entries that are written as columns of their own


class Nested:
    """What the cells of a column hold that no input reads: counted one by one, in memory that does not grow."""

    def __init__(self) -> None:
        self.count = self.objects = self.numbers = self.texts = 0
        self.keys: list[str] = []
        self.least, self.most = 2**63, 0

    def add(self, value: Raw) -> None:
        """A cell."""
        self.count += 1
        if isinstance(value, np.ndarray) and value.ndim == 1:
            value = value.tolist()
        if isinstance(value, dict):
            flat = all(is_plain(each) for each in value.values())
            self.objects += flat and bool(value)
            self.keys = self.keys or [str(key) for key in value]
        elif isinstance(value, (list, tuple)):
            self.numbers += bool(value) and all(is_number(each) for each in value)
            self.texts += all(isinstance(each, str) for each in value)
            self.least, self.most = min(self.least, len(value)), max(self.most, len(value))

    def remedy(self, column: str) -> str:
        """What can be done; "" where nothing is known.

        Args:
            column: its name, as a shell takes it.
        """
        if self.count and self.objects == self.count:
            return f"write each of their entries as a column of its own (such as '{self.keys[0]}')"
        if self.count and self.numbers == self.count:
            sounds = ", =audio for sounds" if self.most >= SOUND else ""
            series = f"--kind {column}=sensor takes them for series{sounds}"
            alike = self.least == self.most and self.most <= FEW
            return f"write their {self.most} numbers as columns of their own, or {series}" if alike else series
        if self.count and self.texts == self.count:
            return f"--kind {column}=multi_category takes them for several categories in one cell"
        return ""


def is_number(value: Raw) -> bool:
    """Is it a number, or a missing one?"""
    return value is None or (isinstance(value, (int, float, np.number)) and not isinstance(value, bool))


def is_plain(value: Raw) -> bool:
    """May it stand in a cell of its own?"""
    return is_number(value) or isinstance(value, (str, bool))
