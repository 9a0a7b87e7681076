"""What a BMP says of itself."""

from __future__ import annotations

import struct

from mmzoo.errors import require_data
from mmzoo.modalities.image.pictures.facts import Facts
from mmzoo.modalities.image.pictures.limits import check_sides, cut_short

OS2 = 12  # the length of the oldest header, whose sides have 16 bits
RUNS = (1, 2)  # run lengths of 8 and of 4 bits, which Pillow decodes in a loop of Python
MOST_RUNS = 5_000_000


def read(data: bytes, origin: str) -> Facts:
    """The facts of a BMP.

    Raises:
        DataError: it is cut short or over the limits.
    """
    if len(data) < 34:
        raise cut_short(origin)
    (length,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if length == OS2 else "<Ii", data, 18)
    check_sides(width, abs(height), origin, size=len(data))
    if length != OS2 and struct.unpack_from("<I", data, 30)[0] in RUNS:
        pixels = width * abs(height)
        require_data(
            pixels <= MOST_RUNS and len(data) <= 3 * pixels + 65_536,
            "too_large_image",
            f"{origin} is a BMP packed by run lengths, of which {MOST_RUNS // 10**6} megapixels are the limit; "
            "save it as PNG.",
        )
    return Facts("BMP", lambda: data, width, abs(height))
