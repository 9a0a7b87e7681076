"""What a JPEG says of itself (ITU T.81), as libjpeg reads it."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from functools import partial

from mmzoo.errors import DataError
from mmzoo.modalities.image.pictures.exif import orientation
from mmzoo.modalities.image.pictures.facts import Facts
from mmzoo.modalities.image.pictures.limits import (
    MAX_PARTS,
    MAX_SCANS,
    SCANNED,
    check_parts,
    check_sides,
    cut_short,
    damaged,
)

# Any number of fill bytes FF stands before a marker; what is no marker is skipped. After a scan RST markers are too.
MARKER = re.compile(rb"\xff([\x01-\xfe])")
AFTER_SCAN = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])")
HEAD, FRAME = struct.Struct(">BBH"), struct.Struct(">BHHB")
LONELY = frozenset((0x01, *range(0xD0, 0xD8)))  # markers without a segment
SOI, EOI, SOS, APP1 = 0xD8, 0xD9, 0xDA, 0xE1
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PLAIN = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive, all of them in Huffman's code
# The segments that make pixels: those frames, Huffman tables, scans, quantization, restarts, JFIF and Adobe.
KEPT = frozenset((*PLAIN, 0xC4, SOS, 0xDB, 0xDD, 0xE0, 0xEE))


def segments(data: bytes, origin: str) -> Iterator[tuple[int, int, int]]:
    """The markers up to the first scan, where each stands and where its segment ends.

    Raises:
        DataError: there is no scan.
    """
    at = 2
    for _ in range(MAX_PARTS):
        try:
            start, marker, length = HEAD.unpack_from(data, at)
        except struct.error:
            break
        if start != 0xFF or marker in (0x00, 0xFF):
            if not (found := MARKER.search(data, at)):
                break
            at = found.start()
        elif marker in LONELY:
            at += 2
        else:
            end = at + 2 + max(length, 2)
            yield marker, at, end
            if marker == SOS:
                return
            at = end
    else:
        check_parts(MAX_PARTS + 1, origin)
    raise cut_short(origin)


def read(data: bytes, origin: str) -> Facts:
    """The facts of a JPEG.

    Raises:
        DataError: it is damaged, of a kind that no decoder here takes, or over the limits.
    """
    frame, progressive, turn, exif, at = b"", False, 1, False, 2
    for marker, at, end in segments(data, origin):
        if marker in FRAMES:
            if frame:
                raise damaged(origin)
            if marker not in PLAIN or data[at + 4 : at + 5] != b"\x08":
                raise DataError(
                    f"{origin} is a lossless, arithmetic, hierarchical or 12-bit JPEG, which cannot be read here; "
                    "save it as a usual JPEG or as PNG.",
                    "unsupported_image",
                )
            frame, progressive = data[at + 4 : end], marker == PLAIN[-1]
        elif marker == APP1 and not exif and data.startswith(b"Exif\0\0", at + 4):
            exif, turn = True, orientation(data[at + 4 : end])
        elif marker in (SOI, EOI):
            raise damaged(origin)
    if len(frame) < 6:
        raise damaged(origin)
    _, height, width, components = FRAME.unpack_from(frame)
    # The number of lines may be 0 and stand behind the first scan; no decoder here takes that.
    if not height or components not in (1, 3, 4):
        raise damaged(origin)
    several = progressive or data[at + 4 : at + 5] != frame[5:6]
    # What Pillow takes, 4 bytes a pixel, and pixels; or, with several scans, 2 bytes a coefficient.
    check_sides(width, height, origin, max(7, 4 + 2 * components * several), len(data))
    if several:
        check_scans(data, at, width * height, origin)
    return Facts("JPEG", partial(lean, data, origin), width, height, turn)


def lean(data: bytes, origin: str) -> bytes:
    """The file without what makes no pixels."""
    return b"\xff\xd8" + b"".join(
        data[at:] if marker == SOS else data[at:end] for marker, at, end in segments(data, origin) if marker in KEPT
    )


def check_scans(data: bytes, at: int, pixels: int, origin: str) -> None:
    """Raise `DataError` if the scans of a JPEG, each of which takes the decoder over all its pixels, are too many."""
    allowed = max(MAX_SCANS, SCANNED // pixels)
    if data.count(b"\xff\xda", at) <= allowed:  # what only looks like one is counted too
        return
    scans = parts = 0
    while (found := AFTER_SCAN.search(data, at)) and found[1][0] != EOI:
        scans, parts = scans + (found[1][0] == SOS), parts + 1
        if scans > allowed:
            message = f"{origin} has over {allowed} scans, which take too long at its size; save it again."
            raise DataError(message, "lying_image")
        check_parts(parts, origin)
        at = found.end() + max(int.from_bytes(data[found.end() : found.end() + 2], "big"), 2)
