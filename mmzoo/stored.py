"""Values that are read when they are needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class Stored(ABC):
    """A value that stays where it is kept until it is decoded, so that a million pictures are a million names."""

    @abstractmethod
    def read(self) -> Any:
        """The value itself: the bytes of a file, an array, or a waveform with its rate.

        Raises:
            DataError: it cannot be read; says where it is kept.
        """


def opened(value: Any) -> Any:
    """`value`, read if it is a `Stored` one."""
    return value.read() if isinstance(value, Stored) else value
