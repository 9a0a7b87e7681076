"""Images: JPEG, PNG, GIF, BMP, WebP or TIFF, a picture of Pillow, or an array, to uint8 (size, size, 3)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mmzoo.choice import Tower
from mmzoo.errors import check_number
from mmzoo.modalities import modalities
from mmzoo.modalities.base import Modality
from mmzoo.modalities.image.pictures.exif import turned
from mmzoo.modalities.image.pictures.graph import decode_graph
from mmzoo.modalities.image.pictures.reading import read_picture
from mmzoo.modalities.image.pictures.resizing import resized

ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff")
"""How the names of the picture files end that `Image` reads."""


@modalities.register("image")
@dataclass(frozen=True)
class Image(Modality):
    """A picture, squeezed to `size` x `size` pixels; turned as its camera says, a transparent one laid on white.

    The decoded example is uint8 (size, size, 3), RGB. Scaling to what a tower
    was trained on is the tower's, inside the graph.
    """

    size: int = 64
    tower: Tower | str = "small_cnn"
    kind: ClassVar[str] = "image"
    usual: ClassVar[tuple[str, ...]] = ("flip", "affine", "colour")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(f"The size of image '{self.name}'", self.size, 16, 1024, whole=True)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.size, self.size, 3)

    @property
    def dtype(self) -> str:
        return "uint8"

    @property
    def unit(self) -> str:
        return "RGB, 0 to 255"

    def decode(self, value: Any) -> np.ndarray:
        """A picture of any size as uint8 (size, size, 3).

        Args:
            value: a path or the bytes of a JPEG, PNG, GIF, BMP, WebP or TIFF (of several pictures the first),
                `{"bytes": ..., "path": ...}`, a picture of Pillow, or an array, uint8 or bool (H, W), (H, W, 1),
                (H, W, 3) or, with an alpha channel, (H, W, 4).

        Raises:
            DataError: it is none of those, is damaged, or would take more than
                `mmzoo.modalities.image.pictures.limits.MAX_MEMORY` bytes or some seconds.
        """
        return self._decoded(value, None)

    def decode_into(self, out: np.ndarray, value: Any) -> None:
        found = self._decoded(value, out)
        if found is not out:
            out[...] = found

    def _decoded(self, value: Any, out: np.ndarray | None) -> np.ndarray:
        """`out` itself where the decoder could write to it."""
        pixels, turn = read_picture(value, f"image '{self.name}'", out)
        # Turned when it is small: that is the same, for less.
        return turned(resized(pixels, self.size), turn)

    def from_file(self, data: Any) -> Any:
        """A JPEG or PNG; the graph refuses any other file, whatever `decode` makes of it."""
        return decode_graph(data, self.size)

    def to_file(self, example: np.ndarray) -> bytes:
        """A PNG."""
        from PIL import Image as Pillow

        out = io.BytesIO()
        Pillow.fromarray(example).save(out, "PNG", optimize=True)
        return out.getvalue()
