"""Images: JPEG, PNG, GIF or BMP, or an array, to uint8 (size, size, 3)."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mmzoo.choice import Tower
from mmzoo.errors import MMZooError, check_number, require
from mmzoo.modalities import modalities
from mmzoo.modalities.base import Modality, read_bytes

MAX_PIXELS = 50_000_000  # a header may lie: a 5 kB file can claim half a gigabyte


@modalities.register("image")
@dataclass(frozen=True)
class Image(Modality):
    """A picture, squeezed to `size` x `size` pixels; a transparent one is laid on white.

    The decoded example is uint8 (size, size, 3), RGB. Scaling to what a tower
    was trained on is the tower's, inside the graph.
    """

    size: int = 64
    tower: Tower | str = "small_cnn"
    kind: ClassVar[str] = "image"

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

    def decode(self, value: str | Path | bytes | np.ndarray) -> np.ndarray:
        """A path, encoded bytes, or a uint8 array (H, W), (H, W, 1) or (H, W, 3), as uint8 (size, size, 3)."""
        if isinstance(value, np.ndarray):
            return self._from_array(value)
        data, origin = read_bytes(value, "image")
        check_header(data, origin)
        import tensorflow as tf

        try:
            return decode_graph(tf.constant(data), self.size).numpy()
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            raise MMZooError(
                f"{origin} is damaged or cut short and cannot be decoded; save it again or leave this input out."
            ) from error

    def _from_array(self, value: np.ndarray) -> np.ndarray:
        if value.ndim == 2:
            value = value[..., None]
        require(
            value.ndim == 3 and value.shape[-1] in (1, 3) and value.dtype == np.uint8 and value.size,
            f"An array for image '{self.name}' must be uint8 (height, width, 3), not {value.dtype} {value.shape}.",
        )
        value = np.broadcast_to(value, (*value.shape[:2], 3))
        if value.shape == self.shape:
            return value
        return np.asarray(resize(value, self.size))

    def from_file(self, data: Any) -> Any:
        """A JPEG, PNG, GIF or BMP."""
        return decode_graph(data, self.size)

    def to_file(self, example: np.ndarray) -> bytes:
        """A PNG."""
        from PIL import Image as Pillow

        out = io.BytesIO()
        Pillow.fromarray(example).save(out, "PNG", optimize=True)
        return out.getvalue()

    def augment(self, batch: Any, seed: Any) -> Any:
        """Mirrored half the time; turned up to 15 degrees, scaled by 0.8 to 1.2 and shifted by up to a tenth.

        Args:
            batch: uint8 (B, size, size, 3).
            seed: int32 (2,).
        """
        import tensorflow as tf

        count = tf.shape(batch)[0]
        draw = tf.random.stateless_uniform((6, count), seed, -1.0, 1.0)
        angle, scale = draw[0] * (np.pi / 12), 1.0 + 0.2 * draw[1]
        flip = tf.where(draw[2] > 0, 1.0, -1.0)
        centre = (self.size - 1) / 2
        cos, sin = tf.cos(angle) / scale, tf.sin(angle) / scale
        shift_x, shift_y = draw[3] * self.size / 10, draw[4] * self.size / 10
        # The transform maps an output pixel to an input pixel, about the centre.
        rows = [flip * cos, -flip * sin, centre - centre * flip * (cos - sin) + shift_x]
        rows += [sin, cos, centre - centre * (sin + cos) + shift_y, tf.zeros(count), tf.zeros(count)]
        moved = tf.raw_ops.ImageProjectiveTransformV3(
            images=tf.cast(batch, tf.float32),
            transforms=tf.stack(rows, 1),
            output_shape=(self.size, self.size),
            fill_value=255.0,
            interpolation="BILINEAR",
            fill_mode="NEAREST",
        )
        return tf.cast(tf.clip_by_value(moved * (1.0 + 0.15 * draw[5])[:, None, None, None], 0.0, 255.0), tf.uint8)


def check_header(data: bytes, origin: str) -> None:
    """Raise unless `data` begins as an image of at most `MAX_PIXELS`; costs no decoding."""
    width, height = dimensions(data)
    require(
        width * height,
        f"{origin} is not a JPEG, PNG, GIF or BMP image, or is cut short; convert it or check the file.",
    )
    require(
        width * height <= MAX_PIXELS,
        f"{origin} is {width} x {height} pixels, over the limit of {MAX_PIXELS // 10**6} megapixels; scale it down.",
    )


def dimensions(data: bytes) -> tuple[int, int]:
    """Width and height that the header claims; (0, 0) for anything that is not an image."""
    try:
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            return struct.unpack(">II", data[16:24])
        if data[:6] in (b"GIF87a", b"GIF89a"):
            return struct.unpack("<HH", data[6:10])
        if data[:2] == b"BM":
            width, height = struct.unpack("<ii", data[18:26])
            return width, abs(height)
        if data[:3] == b"\xff\xd8\xff":
            return jpeg_dimensions(data)
    except (struct.error, IndexError):
        pass
    return 0, 0


def jpeg_dimensions(data: bytes) -> tuple[int, int]:
    """Width and height from the first start-of-frame segment."""
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0


def decode_graph(data: Any, size: int) -> Any:
    """An encoded image, a scalar string, as uint8 (size, size, 3). The same ops in `decode` and in a SavedModel."""
    import tensorflow as tf

    def png() -> Any:
        # The header is checked in the graph too: a served model meets bytes that `check_header` never saw.
        claim = tf.cast(tf.reshape(tf.io.decode_raw(tf.strings.substr(data, 16, 8), tf.uint8), (2, 4)), tf.int64)
        sides = tf.reduce_sum(claim * tf.constant([2**24, 2**16, 2**8, 1], tf.int64), axis=1)
        with tf.control_dependencies([small(sides)]):
            pixels = tf.cast(tf.io.decode_png(data, channels=4), tf.float32)
        alpha = pixels[..., 3:] / 255.0
        return pixels[..., :3] * alpha + 255.0 * (1.0 - alpha)

    def jpeg() -> Any:
        with tf.control_dependencies([small(tf.cast(tf.io.extract_jpeg_shape(data)[:2], tf.int64))]):
            return tf.cast(tf.io.decode_jpeg(data, channels=3), tf.float32)

    def other() -> Any:
        return tf.cast(tf.io.decode_image(data, channels=3, expand_animations=False), tf.float32)

    def small(sides: Any) -> Any:
        limit = f"an image is over the limit of {MAX_PIXELS // 10**6} megapixels"
        return tf.debugging.assert_less_equal(tf.reduce_prod(sides), tf.constant(MAX_PIXELS, tf.int64), limit)

    head = tf.strings.substr(data, 0, 3)
    image = tf.case([(tf.equal(head, b"\x89PN"), png), (tf.equal(head, b"\xff\xd8\xff"), jpeg)], default=other)
    image.set_shape((None, None, 3))
    return resize(image, size)


def resize(image: Any, size: int) -> Any:
    """Squeeze (H, W, 3) to uint8 (size, size, 3); shrinking averages, so that fine detail does not alias."""
    import tensorflow as tf

    resized = tf.image.resize(image, (size, size), method="bilinear", antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8)
