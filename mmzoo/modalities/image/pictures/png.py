"""What a PNG says of itself (W3C PNG, third edition)."""

from __future__ import annotations

import struct

from mmzoo.errors import DataError
from mmzoo.modalities.image.pictures.exif import orientation
from mmzoo.modalities.image.pictures.facts import Facts
from mmzoo.modalities.image.pictures.limits import check_parts, check_sides, cut_short, damaged

# The chunks that make pixels. Texts, profiles and the further pictures of an animation can be made to fill memory.
KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
END = b"\0\0\0\0IEND\xaeB`\x82"


def read(data: bytes, origin: str) -> Facts:
    """The facts of a PNG.

    Raises:
        DataError: it is cut short, damaged or over the limits.
    """
    if data[12:16] == b"CgBI":
        raise DataError(f"{origin} is in the PNG of iPhone apps; save it as a usual PNG.", "unsupported_image")
    if len(data) < 24:
        raise cut_short(origin)
    if data[8:16] != b"\0\0\0\rIHDR":
        raise damaged(origin)
    width, height = struct.unpack_from(">II", data, 16)
    check_sides(width, height, origin, size=len(data))
    parts: list[bytes | memoryview] = [data[:8]]
    turn, at, count = 1, 8, 0
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"IEND":
            break
        end = at + 12 + length
        if name in KEPT:
            if name == b"IHDR" and at > 8:
                raise damaged(origin)
            parts.append(memoryview(data)[at:end])
        elif name == b"eXIf":
            turn = orientation(data[at + 8 : end - 4])
        at, count = end, count + 1
        check_parts(count, origin)
    # Where the last chunk is cut short, the decoder shall find that out.
    return Facts(
        "PNG", lambda: b"".join([*parts, END] if at <= len(data) else parts), width, height, turn, *data[24:25]
    )
