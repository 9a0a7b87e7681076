"""What a GIF says of itself.

Pillow makes the screen larger when a frame does not fit in it, so that the frames count, not the screen.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mmzoo.errors import DataError
from mmzoo.modalities.image.pictures.facts import Facts
from mmzoo.modalities.image.pictures.limits import check_parts, check_sides, cut_short

MAX_FRAMES = 20_000
# A frame is laid on a screen of 4 bytes a pixel, beside the one before it and what is under it.
COST, MOVING_COST = 7, 19
IMAGE, EXTENSION, END, CONTROL = b",", b"!", b";", 0xF9
BLOCKS = 4_000_000  # of at most 255 bytes


@dataclass
class Walk:
    """The frames of a GIF without comments and what else makes no pixels.

    width, height: of the screen with all frames that were met so far.
    """

    data: bytes
    origin: str

    def __post_init__(self) -> None:
        if len(self.data) < 13:
            raise cut_short(self.origin)
        self.width, self.height, flags = struct.unpack_from("<HHB", self.data, 6)
        self.at = 13 + palette(flags)
        self.parts: list[bytes] = [self.data[: self.at]]
        self.blocks = 0

    def to_frame(self) -> bool:
        """Go to the next frame and take its place into the sides; False where there is none."""
        for count in range(len(self.data)):
            check_parts(count, self.origin)
            kind = self.data[self.at : self.at + 1]
            if kind == IMAGE and self.at + 10 <= len(self.data):
                left, top, width, height = struct.unpack_from("<HHHH", self.data, self.at + 1)
                self.width, self.height = max(self.width, left + width), max(self.height, top + height)
                return True
            if kind in (b"", END, IMAGE):
                break
            start, self.at = self.at, self.at + 1
            if kind == EXTENSION:
                self.at += 1
                self.skip_blocks()
                if self.data[start + 1 : start + 2] == bytes([CONTROL]):
                    self.parts.append(self.data[start : self.at])
        return False

    def past_frame(self) -> None:
        """Go behind the frame."""
        start = self.at
        self.at += 10 + palette(self.data[self.at + 9]) + 1
        self.skip_blocks()
        self.parts.append(self.data[start : self.at])

    def skip_blocks(self) -> None:
        while self.at < len(self.data) and (length := self.data[self.at]):
            self.at, self.blocks = self.at + 1 + length, self.blocks + 1
            if self.blocks > BLOCKS:
                raise DataError(f"{self.origin} has over {BLOCKS} blocks; save it again.", "lying_image")
        self.at += 1


def palette(flags: int) -> int:
    """The bytes of a palette."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def read(data: bytes, origin: str) -> Facts:
    """The facts of a GIF as a picture: those of its first frame.

    Raises:
        DataError: it is cut short, has no frame or is over the limits.
    """
    walk = Walk(data, origin)
    if not walk.to_frame():
        raise cut_short(origin)
    check_sides(walk.width, walk.height, origin, COST, len(data))
    return Facts("GIF", lambda: b"".join([*walk.parts, data[walk.at :]]), walk.width, walk.height)
