"""How large the pictures of a column are, and whether they are grey, by a sample of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError
from mmzoo.modalities.files import FILES, read_bytes, unwrapped
from mmzoo.modalities.image.pictures.header import read_header
from mmzoo.modalities.image.pictures.reading import read_picture
from mmzoo.modalities.lengths import fitting_length, spread

DECODED = 16
"""Pictures that are decoded to see whether they are grey."""


class Sizes(NamedTuple):
    """Of a column of pictures.

    side: pixels of the longer side, which nineteen of twenty are not over.
    grey: has none of them a colour?
    """

    side: int
    grey: bool


def sizes_of(values: Sequence[object], least: int, most: int) -> Sizes | None:
    """What a sample of pictures has in common, the side within limits; None where none of them can be read."""
    sides: list[int] = []
    grey = True
    for value in spread(values):
        with suppress(MMZooError):  # decoding will name the record
            sides.append(longer_side(value))
    for value in spread(values, DECODED):
        with suppress(MMZooError):
            pixels, _ = read_picture(value, "of a column")
            grey = grey and bool((np.ptp(pixels, axis=-1) <= 2).all())
    return Sizes(int(fitting_length(sides, least, most)), grey) if sides else None


def longer_side(value: Raw) -> int:
    """Of a picture, by its header where that says it.

    Raises:
        MMZooError: it cannot be read.
    """
    value = unwrapped(value)
    if isinstance(value, FILES):
        facts = read_header(*read_bytes(value, "image"))
        if facts.width:
            return int(max(facts.width, facts.height))
    pixels, _ = read_picture(value, "of a column")
    high, wide, _ = pixels.shape
    return int(max(high, wide))
