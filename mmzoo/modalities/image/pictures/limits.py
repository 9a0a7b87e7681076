"""What one picture may cost: `MAX_MEMORY` bytes while it is decoded and squeezed, and some seconds.

The memory is what is needed beside the program and the bytes of the file itself. It is kept by limits of the sides, of
the pixels and of the bytes that a pixel takes in the decoder of its format, all known before anything is decoded; the
time by limits of how often a file may make a decoder go over its pixels, and of the parts that a file may have.
"""

from __future__ import annotations

from mmzoo.errors import DataError

MAX_PIXELS = 50_000_000
MAX_SIDE = 65_535
"""The largest width or height, as in JPEG and GIF: the filter that squeezes a longer one outgrows the picture."""
MAX_MEMORY = 512 * 2**20
# No real picture packs more pixels into a byte than this, unless it is nearly empty; small ones may.
PIXELS_PER_BYTE, HARMLESS = 1024, 2_000_000
MAX_PARTS = 100_000
"""Segments, chunks or blocks of a file that are looked at."""
MAX_SCANS, SCANNED = 20, 500_000_000
"""Scans of a JPEG; more than `MAX_SCANS` only as long as they are `SCANNED` pixels in all."""


def check_sides(width: int, height: int, origin: str, cost: float = 7, size: int | None = None) -> None:
    """Raise `DataError` if a picture is over the limits.

    Args:
        cost: the bytes that the decoder of the format, and the pixels uint8 (H, W, 3) that it gives, take a pixel.
        size: the bytes of the file, if it is one.
    """
    pixels = width * height
    packed = pixels if size is None else max(HARMLESS, PIXELS_PER_BYTE * size)
    # Messages are made for what is refused alone: each takes as long as all the rest.
    if 0 < pixels <= min(MAX_PIXELS, MAX_MEMORY / cost, packed) and max(width, height) <= MAX_SIDE:
        return
    sides, cause = f"{width} x {height} pixels", "too_large_image"
    if pixels <= 0:
        raise cut_short(origin)
    if pixels > MAX_PIXELS:
        message = f"{origin} is {sides}, over the limit of {MAX_PIXELS // 10**6} megapixels; scale it down."
    elif max(width, height) > MAX_SIDE:
        message = f"{origin} is {sides}, a side over the limit of {MAX_SIDE}; cut it into several."
    elif pixels * cost > MAX_MEMORY:
        message = (
            f"{origin} is {sides} of a kind of which {MAX_MEMORY / cost / 10**6:.0f} megapixels are the limit; "
            "scale it down or save it as another."
        )
    else:
        cause = "lying_image"
        message = f"{origin} claims {sides} in {size} bytes; it is cut short or made to fill memory."
    raise DataError(message, cause)


def check_parts(count: int, origin: str) -> None:
    """Raise `DataError` if a file has more parts than anybody writes."""
    if count > MAX_PARTS:
        raise DataError(f"{origin} has over {MAX_PARTS} parts; save it again.", "lying_image")


def damaged(origin: str, cause: str = "truncated_image") -> DataError:
    """The error for a file that the decoder of its format cannot take."""
    return DataError(
        f"{origin} is damaged or cut short and cannot be decoded; save it again or leave this input out.", cause
    )


def cut_short(origin: str) -> DataError:
    """The error for a file that ends within its header."""
    return DataError(f"{origin} is cut short; copy it again or leave this input out.", "truncated_image")
