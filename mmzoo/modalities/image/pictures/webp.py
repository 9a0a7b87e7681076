"""What a WebP says of itself (RFC 9649)."""

from __future__ import annotations

from mmzoo.modalities.image.pictures.facts import Facts
from mmzoo.modalities.image.pictures.limits import check_sides, cut_short

# The decoder holds two canvases of 4 bytes a pixel, what a lossless picture is made of, and gives Pillow another.
COST = 20


def read(data: bytes, origin: str) -> Facts:
    """The facts of a WebP; of one that moves, the first picture.

    Raises:
        DataError: it is cut short or over the limits.
    """
    width, height = sides(data)
    if not width:
        raise cut_short(origin)
    check_sides(width, height, origin, COST, len(data))
    return Facts("WEBP", lambda: data, width, height, turn=None)


def sides(data: bytes) -> tuple[int, int]:
    """Width and height of the canvas, from the first chunk: lossy, lossless or extended; 0 where there is none."""
    chunk = data[12:16]
    if len(data) >= 30 and chunk == b"VP8 ":
        return (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))  # type: ignore[return-value]
    if len(data) >= 25 and chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if len(data) >= 30 and chunk == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    return 0, 0
