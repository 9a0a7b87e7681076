"""What a JPEG says of itself (ITU T.81), as libjpeg reads it."""

from __future__ import annotations

import re

from mmzoo.errors import DataError, require_data
from mmzoo.modalities.pictures.exif import orientation
from mmzoo.modalities.pictures.facts import Facts
from mmzoo.modalities.pictures.limits import (
    DAMAGED,
    MAX_SCANS,
    SCANNED,
    TRUNCATED,
    check_parts,
    check_sides,
)

# Any number of fill bytes FF stands before a marker; what is no marker is skipped. After a scan RST markers are too.
MARKER = re.compile(rb"\xff([\x01-\xfe])")
AFTER_SCAN = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])")
LONELY = frozenset((0x01, *range(0xD0, 0xD8)))  # markers without a segment
SOI, EOI, SOS, APP1 = 0xD8, 0xD9, 0xDA, 0xE1
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PLAIN = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive, all of them in Huffman's code
# The segments that make pixels: those frames, Huffman and quantization tables, restarts, JFIF and Adobe.
KEPT = frozenset((*PLAIN, 0xC4, 0xDB, 0xDD, 0xE0, 0xEE))


def read(data: bytes, origin: str) -> Facts:
    """The facts of a JPEG.

    Raises:
        DataError: it is damaged, of a kind that no decoder here takes, or over the limits.
    """
    parts: list[bytes | memoryview] = [b"\xff\xd8"]
    frame, progressive, turn, exif, at = b"", False, 1, False, 2
    while True:
        if not (found := MARKER.search(data, at)):
            raise DataError(TRUNCATED.format(origin), "truncated_image")
        marker, at = found[1][0], found.end()
        if marker in LONELY:
            continue
        require_data(marker not in (SOI, EOI), "truncated_image", DAMAGED.format(origin))
        if marker == SOS:
            break
        end = at + max(int.from_bytes(data[at : at + 2], "big"), 2)
        if marker in FRAMES:
            require_data(not frame, "truncated_image", DAMAGED.format(origin))
            require_data(
                marker in PLAIN and data[at + 2 : at + 3] == b"\x08",
                "unsupported_image",
                f"{origin} is a lossless, arithmetic, hierarchical or 12-bit JPEG, which cannot be read here; "
                "save it as a usual JPEG or as PNG.",
            )
            frame, progressive = data[at:end], marker == PLAIN[-1]
        elif marker == APP1 and not exif and data.startswith(b"Exif\0\0", at + 2):
            exif, turn = True, orientation(data[at + 2 : end])
        if marker in KEPT:
            parts.append(data[at - 2 : end])
            check_parts(len(parts), origin)
        at = end
    # The number of lines may be 0 and stand behind the first scan; no decoder here takes that.
    fair = len(frame) > 7 and frame[3:5] != b"\0\0" and frame[7] in (1, 3, 4)
    require_data(fair, "truncated_image", DAMAGED.format(origin))
    height, width, components = int.from_bytes(frame[3:5], "big"), int.from_bytes(frame[5:7], "big"), frame[7]
    several = progressive or data[at + 2 : at + 3] != frame[7:8]
    # What Pillow takes, 4 bytes a pixel, and pixels; or, with several scans, 2 bytes a coefficient.
    check_sides(width, height, origin, max(7, 4 + 2 * components * several), len(data))
    if several:
        check_scans(data, at - 2, width * height, origin)
    return Facts("JPEG", [*parts, memoryview(data)[at - 2 :]], width, height, turn)


def check_scans(data: bytes, at: int, pixels: int, origin: str) -> None:
    """Raise `DataError` if the scans of a JPEG, each of which takes the decoder over all its pixels, are too many."""
    allowed = max(MAX_SCANS, SCANNED // pixels)
    if data.count(b"\xff\xda", at) <= allowed:  # what only looks like one is counted too
        return
    scans = parts = 0
    while (found := AFTER_SCAN.search(data, at)) and found[1][0] != EOI:
        scans, parts = scans + (found[1][0] == SOS), parts + 1
        message = f"{origin} has over {allowed} scans, which take too long at its size; save it again."
        require_data(scans <= allowed, "lying_image", message)
        check_parts(parts, origin)
        at = found.end() + max(int.from_bytes(data[found.end() : found.end() + 2], "big"), 2)
