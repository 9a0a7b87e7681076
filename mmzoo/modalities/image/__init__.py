"""Images: JPEG, PNG, GIF, BMP, WebP or TIFF, a picture of Pillow, or an array, to uint8 (size, size, 3)."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.choice import Tower
from mmzoo.errors import check_number
from mmzoo.modalities import modalities
from mmzoo.modalities.arrays import axes_of
from mmzoo.modalities.base import Modality
from mmzoo.modalities.corruption import Corruption
from mmzoo.modalities.described import InputDescription
from mmzoo.modalities.explanation import InputExplanation, Probe
from mmzoo.modalities.files import FILES, unwrapped
from mmzoo.modalities.image.client import read_image, squeezed
from mmzoo.modalities.image.corruption import CORRUPTIONS
from mmzoo.modalities.image.occlusion import patches
from mmzoo.modalities.image.pictures.exif import turned
from mmzoo.modalities.image.pictures.graph import decode_graph
from mmzoo.modalities.image.pictures.reading import from_pillow, is_pillow, read_picture
from mmzoo.modalities.image.pictures.resizing import resized
from mmzoo.modalities.image.rebuilding import Pixels
from mmzoo.modalities.image.sizes import Sizes, sizes_of
from mmzoo.modalities.image.vectorizer import SIDE, picture_vector
from mmzoo.modalities.shown import Shown, png
from mmzoo.modalities.vectorizer import Each
from mmzoo.modalities.widgets import Widget
from mmzoo.weights import best_installed

SMALL = 48
"""Pixels a side up to which a picture is an icon, a digit or a thumbnail."""
NATIVE = 224
"""Pixels a side that the pretrained tower was made for."""
PRETRAINED = ("efficientnet_lite2", "efficientnet_lite0")
"""The towers with pretrained weights that a guess takes, the best first.

The recipe `emoji` with its picture alone and either tower at 160 pixels, mean of three seeds: validation accuracy 0.821
and 0.805, test 0.757 both. Of photographs, such as most tables have, the first knows more (ImageNet). What each costs
`benchmarks/image_towers.py` measures.
"""
FROM_SCRATCH = 128
"""Pixels a side that a guess gives a network that learns from the training records alone, at most."""


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
    usual: ClassVar[tuple[str, ...]] = ("flip", "affine", "color_jitter")
    colour: ClassVar[str] = "#4e79a7"
    endings: ClassVar[tuple[str, ...]] = (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"),
    )
    foreign: ClassVar[dict[str, str]] = {
        **dict.fromkeys((".heic", ".heif", ".avif"), "convert it to JPEG or PNG"),
        **dict.fromkeys((".cr2", ".nef", ".arw", ".dng", ".psd", ".svg", ".jp2", ".jxl"), "convert it to PNG"),
    }
    starts: ClassVar[tuple[bytes, ...]] = (
        rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|BM.{4}\0{4}|II\*\0|MM\0\*|RIFF.{4}WEBP",
        rb".{4}ftyp(?:heic|heix|avif|mif1)",
    )
    array_axes: ClassVar[int] = 3
    dtypes: ClassVar[tuple[str, ...]] = ("uint8",)
    axes: ClassVar[tuple[int, ...]] = (3,)
    pooled: ClassVar[bool] = True
    closeness: ClassVar[float] = 4.0  # of 255 levels
    corruptions: ClassVar[dict[str, Corruption]] = CORRUPTIONS

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

    def decode(self, value: Raw) -> np.ndarray:
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

    def decode_into(self, out: np.ndarray, value: Raw) -> None:
        found = self._decoded(value, out)
        if found is not out:
            out[...] = found

    def _decoded(self, value: Raw, out: np.ndarray | None) -> np.ndarray:
        """`out` itself where the decoder could write to it."""
        pixels, turn = read_picture(value, f"image '{self.name}'", out, self.size)
        # Turned when it is small: that is the same, for less.
        return turned(resized(pixels, self.size), turn)

    @property
    def has_files(self) -> bool:
        return True

    def from_file(self, data: Tensor) -> Tensor:
        """A JPEG or PNG; the graph refuses any other file, whatever `decode` makes of it."""
        return decode_graph(data, self.size)

    def to_file(self, example: np.ndarray) -> bytes:
        """A PNG."""
        return png(example)

    @property
    def decoded_in_graph(self) -> bool:
        return True

    @classmethod
    def holds(cls, value: Raw) -> bool:
        axes = axes_of(value)
        if isinstance(value, np.ndarray) and axes == 2:
            return bool(value.dtype == np.uint8 and min(value.shape) > 8)
        return (isinstance(value, np.ndarray) and axes == 3 and value.shape[-1] in (1, 3, 4)) or is_pillow(value)

    @classmethod
    def from_cell(cls, value: Raw) -> Raw:
        return value if is_pillow(value) else super().from_cell(value)

    @classmethod
    def guessed(cls, name: str, values: Sequence[object]) -> Self:
        """As large as the pictures are; pretrained where that can be had and helps, else a small network from scratch.

        Small grey ones are digits, letters and signs: nothing that ImageNet knows, and another thing in a mirror.
        """
        found = sizes_of(values, 16, NATIVE) or Sizes(96, grey=False)
        small = found.side <= SMALL
        if not (small and found.grey) and (best := best_installed(PRETRAINED)):
            resolution = NATIVE if found.side > 160 else 160
            return cls(name, size=found.side, tower=Tower(best, resolution=resolution))
        size = min(found.side, FROM_SCRATCH)
        # Down to a map of about four by four.
        count = max(round(math.log2(size)) - 2, 1)
        tower = Tower("small_cnn", filters=[min(32 * 2**place, 128) for place in range(count)])
        return cls(name, size=size, tower=tower, augmentations=() if small and found.grey else None)

    @classmethod
    def trial(cls, name: str = "value", values: Sequence[object] = ()) -> Self:
        return cls(name, size=32)

    @classmethod
    def content(cls, value: Raw) -> Raw:
        value = unwrapped(value)
        return from_pillow(value, "The picture")[0] if is_pillow(value) else super().content(value)

    def fingerprint(self, example: np.ndarray) -> np.ndarray:
        return picture_map(example)

    @classmethod
    def to_stored(cls, value: Raw) -> bytes:
        value = unwrapped(value)
        if not isinstance(value, FILES):  # the pixels that an input reads of it, whatever its mode
            pixels, turn = read_picture(value, "of a record")
            value = turned(pixels, turn)
        return super().to_stored(value)

    def prepared(self, value: Raw, lossy: bool) -> bytes:
        """The pixels that are read, as an array (.npy), which is not decoded but copied; or as a JPEG of quality 95."""
        from PIL import Image as Pillow

        pixels = self.decode(value)
        if not lossy:
            return self.to_stored(pixels)
        out = io.BytesIO()
        Pillow.fromarray(pixels).save(out, "JPEG", quality=95, subsampling=0)
        return out.getvalue()

    def widget(self) -> Widget:
        return Widget("picture")

    def shown(self, value: Raw) -> Shown:
        return Shown(picture=png(self.decode(value)))

    @classmethod
    def preview(cls, value: Raw) -> bytes:
        from PIL import Image as Pillow

        out = io.BytesIO()
        Pillow.fromarray(cls("picture", size=96).decode(value)).save(out, "JPEG", quality=85)
        return out.getvalue()

    def explain(self, probe: Probe) -> InputExplanation:
        """Integrated gradients from a flat picture of the mean colour, Grad-CAM where there is a map, and patches."""
        x, _ = probe.at(probe.gate)
        baseline = np.broadcast_to(x.mean(axis=(1, 2), keepdims=True), x.shape).astype(np.float32)
        shares, gap = probe.integrated_gradients(probe.gate, x, baseline)
        maps = {"integrated_gradients": shares.sum(axis=-1), "occlusion": patches(probe)}
        if probe.feature_map is not None:
            maps["grad_cam"] = probe.grad_cam(probe.feature_map)
        caption = "where it speaks for the answer (blue) and against it (orange)"
        return InputExplanation(self.kind, maps, caption, gap=gap, shown=probe.example, tokens="map")

    def rebuilding(self) -> Pixels:
        return Pixels(self)

    def vectorizer(self) -> Each:
        """Small pixels, edges and colours."""
        small = replace(self, size=SIDE)
        return Each(lambda value: picture_vector(small.decode(value)), f"looking at {self.name}")

    @classmethod
    def is_described(cls, about: InputDescription) -> bool:
        high, wide, channels = about["shape"][1:]
        return bool(high == wide and channels == 3)

    @classmethod
    def client(cls, about: InputDescription) -> Callable[[Raw], np.ndarray]:
        """The same as `decode`, squeezed by NumPy."""
        return lambda value: squeezed(read_image(value, f"image '{about['name']}'"), about["shape"][1])


def picture_map(pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3), both at least 9, as the mean colours of 8 x 9 fields, float32 (8, 9, 3)."""
    rows = [part.mean(axis=0) for part in np.array_split(pixels.astype(np.float32), 8)]
    return np.array([[part.mean(axis=0) for part in np.array_split(row, 9)] for row in rows], np.float32)
