"""What a TIFF says of itself. Of several pages the first is read."""

from __future__ import annotations

import math
import struct

from mmzoo.aliases import Untyped
from mmzoo.errors import require_data
from mmzoo.modalities.image.pictures.facts import Facts
from mmzoo.modalities.image.pictures.limits import check_parts, check_sides, damaged

WIDTH, HEIGHT, BITS, SAMPLES, TILE_WIDTH, TILE_HEIGHT = 256, 257, 258, 277, 322, 323
BYTES = (1, 2, 7)  # the types of a byte, a character and what is undefined, which are read as they are
SMALL = 4_000_000  # pixels that a tile of a smaller picture may have


def read(data: bytes, origin: str) -> Facts:
    """The facts of a TIFF, of which Pillow is asked for the rest: `check`.

    Raises:
        DataError: it is damaged, or one of its lists is longer than anybody writes.
    """
    order = "<" if data[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (entries,) = struct.unpack_from(f"{order}H", data, start)
        for at in range(start + 2, start + 2 + 12 * entries, 12):
            _, kind, count = struct.unpack_from(f"{order}HHI", data, at)
            check_parts(0 if kind in BYTES else count, origin)
    except struct.error as error:
        raise damaged(origin) from error
    return Facts("TIFF", lambda: data, turn=None)


def check(file: Untyped, origin: str, size: int) -> None:
    """Hold what Pillow has found in the header of a TIFF against the limits."""
    tags = file.tag_v2
    bits, samples = tags.get(BITS, (1,)), tags.get(SAMPLES, 1)
    # A strip may be the whole picture; Pillow's own pixels are beside it, and again where it is turned.
    check_sides(file.width, file.height, origin, 8 + math.ceil(max(bits) * samples / 8), size)
    tile = tags.get(TILE_WIDTH, 0) * tags.get(TILE_HEIGHT, 0)
    fair = tile <= max(SMALL, 4 * file.width * file.height)
    require_data(fair, "lying_image", f"{origin} has tiles larger than the picture; save it again.")
    require_data(
        file.mode not in ("F", "I"),
        "unsupported_image",
        f"{origin} has pixels of 32 bits, whose white nobody knows; save it with 8 or 16.",
    )
