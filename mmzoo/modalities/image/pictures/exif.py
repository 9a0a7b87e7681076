"""The orientation that a camera writes (Exif, CIPA DC-008)."""

from __future__ import annotations

import struct

import numpy as np

ORIENTATION = 0x0112
SHORT, LONG = 3, 4


def orientation(exif: bytes) -> int:
    """How a picture is to be turned, from 1 (as it is) to 8: what the first directory says; 1 where it is damaged.

    Args:
        exif: a TIFF structure, behind "Exif" and two zeros or not. A second directory is that of a thumbnail.
    """
    while exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    order = {b"II": "<", b"MM": ">"}.get(exif[:2], "")
    if not order or exif[2:4] not in (b"*\0", b"\0*"):
        return 1
    found = 1
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (entries,) = struct.unpack_from(f"{order}H", exif, start)
        for at in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, count, value = struct.unpack_from(f"{order}HHI4s", exif, at)
            if tag == ORIENTATION and count == 1 and kind in (SHORT, LONG):
                (found,) = struct.unpack_from(order + ("H" if kind == SHORT else "I"), value)
    except struct.error:
        pass
    return found if 1 <= found <= 8 else 1


def turned(image: np.ndarray, turn: int) -> np.ndarray:
    """An image (H, W, 3) turned and mirrored as its `orientation` asks."""
    # After the exchange of the axes each of the eight is a mirroring of rows, of columns, of both, or of none.
    image = image.transpose(1, 0, 2) if turn >= 5 else image
    return image[:: -1 if turn in (3, 4, 7, 8) else 1, :: -1 if turn in (2, 3, 6, 7) else 1]
