"""What is known of a picture file before it is decoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Facts:
    """A picture whose header was held against the limits.

    Args:
        format: as Pillow calls it.
        lean: makes the file without what makes no pixels, such as texts, profiles and Exif: it can be made to fill
            memory.
        width: of the pixels as they are stored; 0 where Pillow is asked.
        turn: the orientation, from 1 to 8; None where Pillow is asked for the Exif.
        depth: bits a sample of a PNG, in which a transparent colour is told.
    """

    format: str
    lean: Callable[[], bytes]
    width: int = 0
    height: int = 0
    turn: int | None = 1
    depth: int = 8
