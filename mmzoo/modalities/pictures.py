"""Picture files in TensorFlow's graph: headers, decoding, orientation, resizing.

What a header claims is checked before anything is decoded: a file of 5 kB can ask for half a gigabyte.
"""

from __future__ import annotations

import io
import re
import struct
from functools import lru_cache
from typing import Any

import numpy as np

from mmzoo.errors import DataError, require_data

FORMATS = "JPEG, PNG, GIF, BMP or WebP"
MAX_PIXELS = 50_000_000
# No real picture packs more pixels into a byte than this, unless it is nearly empty; small ones may.
PIXELS_PER_BYTE, HARMLESS = 1024, 2_000_000
EXIF_SEARCH = 1024  # bytes at the start of a JPEG in which the orientation stands, if it is said


def check_header(data: bytes, origin: str) -> tuple[str, int, int]:
    """The format, width and height of a picture of at most `MAX_PIXELS` that so many bytes can hold, not decoded."""
    kind, width, height = header(data)
    require_data(
        kind, "junk_image", f"{origin} is not a {FORMATS} image; convert it or check that it is what its name says."
    )
    require_data(width * height, "truncated_image", f"{origin} is cut short; copy it again or leave this input out.")
    pixels = width * height
    require_data(
        pixels <= MAX_PIXELS,
        "too_large_image",
        f"{origin} is {width} x {height} pixels, over the limit of {MAX_PIXELS // 10**6} megapixels; scale it down.",
    )
    require_data(
        pixels <= max(HARMLESS, PIXELS_PER_BYTE * len(data)),
        "lying_image",
        f"{origin} claims {width} x {height} pixels in {len(data)} bytes; it is cut short or made to fill memory.",
    )
    return kind, width, height


def header(data: bytes) -> tuple[str, int, int]:
    """The format, the width and the height that the header claims; 0 where it is cut short, "" for no picture."""
    kinds = {b"\x89PNG\r\n\x1a\n": "png", b"GIF87a": "gif", b"GIF89a": "gif", b"BM": "bmp", b"\xff\xd8\xff": "jpeg"}
    kind = next((kind for start, kind in kinds.items() if data.startswith(start)), "")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = "webp"
    try:
        if kind == "png":
            return kind, *struct.unpack(">II", data[16:24])
        if kind == "gif":
            return kind, *struct.unpack("<HH", data[6:10])
        if kind == "bmp":
            width, height = struct.unpack("<ii", data[18:26])
            return kind, max(width, 0), abs(height)
        if kind == "jpeg":
            return kind, *jpeg_sides(data)
        if kind == "webp":
            return kind, *webp_sides(data)
    except (struct.error, IndexError):
        pass
    return kind, 0, 0


def jpeg_sides(data: bytes) -> tuple[int, int]:
    """Width and height from the first start-of-frame segment."""
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0


def webp_sides(data: bytes) -> tuple[int, int]:
    """Width and height from the first chunk: lossy, lossless or extended (RFC 9649)."""
    chunk = data[12:16]
    if chunk == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if chunk == b"VP8L":
        (bits,) = struct.unpack("<I", data[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8X" and len(data) >= 30:
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    return 0, 0


def read_webp(data: bytes, origin: str) -> np.ndarray:
    """The first picture of a WebP, uint8 (H, W, 3). By Pillow: TensorFlow's own decoder ends the process at some."""
    from PIL import Image as Pillow

    try:
        with Pillow.open(io.BytesIO(data), formats=["WEBP"]) as file:
            shown = file.convert("RGBA")
    except (OSError, ValueError, EOFError) as error:
        message = f"{origin} is damaged or cut short and cannot be decoded; save it again or leave this input out."
        raise DataError(message, "truncated_image") from error
    return np.asarray(Pillow.alpha_composite(Pillow.new("RGBA", shown.size, "white"), shown).convert("RGB"))


def decode_data(data: bytes, size: int, out: np.ndarray | None = None) -> np.ndarray:
    """`decode_graph`, outside of a graph; to `out`, and that itself, where a JPEG can be decoded to it.

    Args:
        out: uint8 (size, size, 3), if the header says that the picture has that size.
    """
    import simplejpeg
    import tensorflow as tf

    if data.startswith(b"\xff\xd8\xff"):
        # The same library as TensorFlow's gives the same pixels in three quarters of the time without a graph around
        # it. What it does not like, the graph shall judge.
        turn = orientation_of(data)
        try:
            pixels = simplejpeg.decode_jpeg(data, buffer=out if turn == 1 else None)
        except ValueError:
            return np.asarray(decoder(size)(tf.constant(data)))
        if out is not None and turn == 1 and pixels.shape == out.shape:
            return out
        return resized(turned(pixels, turn), size)
    return np.asarray(decoder(size)(tf.constant(data)))


@lru_cache(maxsize=16)
def decoder(size: int) -> Any:
    """`decode_graph` for one size, compiled; op by op it takes twice as long."""
    import tensorflow as tf

    signature = [tf.TensorSpec((), tf.string)]
    return tf.function(lambda data: decode_graph(data, size), input_signature=signature, autograph=False)


def decode_graph(data: Any, size: int) -> Any:
    """A JPEG, PNG, GIF or BMP, a scalar string, as uint8 (size, size, 3). The same ops in `decode` and a SavedModel."""
    import tensorflow as tf

    def png() -> Any:
        # The header is checked in the graph too: a served model meets bytes that `check_header` never saw.
        claim = tf.cast(tf.reshape(tf.io.decode_raw(tf.strings.substr(data, 16, 8), tf.uint8), (2, 4)), tf.int64)
        sides = tf.reduce_sum(claim * tf.constant([2**24, 2**16, 2**8, 1], tf.int64), axis=1)
        with tf.control_dependencies([small(sides)]):
            pixels = tf.io.decode_png(data, channels=4)
        # Below 8 bits a pixel TensorFlow gives a picture without transparency the alpha 2^bits - 1 in place of 255.
        bits = tf.cast(tf.io.decode_raw(tf.strings.substr(data, 24, 1), tf.uint8)[0], tf.int32)
        wrong = (bits < 8) & tf.reduce_all(tf.equal(tf.cast(pixels[..., 3], tf.int32), 2**bits - 1))
        pixels = tf.cond(wrong, lambda: tf.cast(pixels[..., :3], tf.float32), lambda: on_white(pixels))
        return resize(pixels, size)

    def jpeg() -> Any:
        with tf.control_dependencies([small(tf.cast(tf.io.extract_jpeg_shape(data)[:2], tf.int64))]):
            # The fast transform, which is the default, is up to 12 of 255 away from what other decoders give.
            pixels = tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
        # The Exif segment is the first, or stands behind one of JFIF that has 18 bytes.
        said = [tf.equal(tf.strings.substr(data, place, 2), b"\xff\xe1") for place in (2, 20)]
        pixels = tf.cond(said[0] | said[1], lambda: upright(pixels, orientation(data)), lambda: pixels)
        return resize(pixels, size)

    def other() -> Any:
        pixels = tf.io.decode_image(data, channels=3, expand_animations=False)
        return resize(tf.ensure_shape(pixels, (None, None, 3)), size)

    def small(sides: Any) -> Any:
        limit = f"an image is over the limit of {MAX_PIXELS // 10**6} megapixels"
        return tf.debugging.assert_less_equal(tf.reduce_prod(sides), tf.constant(MAX_PIXELS, tf.int64), limit)

    start = tf.strings.substr(data, 0, 3)
    cases = [(tf.equal(start, b"\x89PN"), png), (tf.equal(start, b"\xff\xd8\xff"), jpeg)]
    return tf.ensure_shape(tf.case(cases, default=other), (size, size, 3))


def on_white(pixels: Any) -> Any:
    """uint8 (H, W, 4) as float32 (H, W, 3), what is transparent laid on white."""
    import tensorflow as tf

    pixels = tf.cast(pixels, tf.float32)
    alpha = pixels[..., 3:] / 255.0
    return pixels[..., :3] * alpha + 255.0 * (1.0 - alpha)


# The tag of the orientation, its type (a short) and its count (1), in the order of bytes of either kind of machine; the
# value follows.
TURNS = (b"\x01\x12\x00\x03\x00\x00\x00\x01\x00", b"\x12\x01\x03\x00\x01\x00\x00\x00")


def orientation(data: Any) -> Any:
    """How a JPEG is to be turned, int32 from 1 (as it is) to 8: tag 0x0112 of its Exif segment (CIPA DC-008)."""
    import tensorflow as tf

    start = tf.io.decode_raw(tf.strings.substr(data, 0, EXIF_SEARCH), tf.uint8, fixed_length=EXIF_SEARCH)
    found = tf.constant(0)
    for entry in TURNS:
        count = EXIF_SEARCH - len(entry)
        hits = [tf.equal(start[k : count + k], byte) for k, byte in enumerate(entry)]
        value = tf.where(tf.reduce_all(tf.stack(hits), axis=0), tf.cast(start[len(entry) :], tf.int32), 0)
        found = tf.maximum(found, tf.reduce_max(value))
    return tf.where((found >= 1) & (found <= 8), found, 1)


def orientation_of(data: bytes) -> int:
    """`orientation`, outside of a graph; 1 where no Exif segment is the first or stands behind one of JFIF."""
    if b"\xff\xe1" not in (data[2:4], data[20:22]):
        return 1
    start = data[:EXIF_SEARCH]
    said = [hit[1][0] for entry in TURNS for hit in re.finditer(b"(?=%s(.))" % re.escape(entry), start, re.DOTALL)]
    found = max(said, default=0)
    return found if 1 <= found <= 8 else 1


def upright(image: Any, turn: Any) -> Any:
    """An image (H, W, 3) turned and mirrored as its `orientation` asks."""
    import tensorflow as tf

    image = tf.cond(turn >= 5, lambda: tf.transpose(image, (1, 0, 2)), lambda: image)
    # After the exchange of the axes each of the eight is a mirroring of rows, of columns, of both, or of none.
    rows = tf.reduce_any(tf.equal(turn, [3, 4, 7, 8]))
    columns = tf.reduce_any(tf.equal(turn, [2, 3, 6, 7]))
    image = tf.cond(rows, lambda: image[::-1], lambda: image)
    return tf.cond(columns, lambda: image[:, ::-1], lambda: image)


def turned(image: np.ndarray, turn: int) -> np.ndarray:
    """`upright` of an array."""
    image = image.transpose(1, 0, 2) if turn >= 5 else image
    return image[:: -1 if turn in (3, 4, 7, 8) else 1, :: -1 if turn in (2, 3, 6, 7) else 1]


def resize(image: Any, size: int) -> Any:
    """Squeeze (H, W, 3), uint8 or float32, to uint8 (size, size, 3); shrinking averages, so that nothing aliases."""
    import tensorflow as tf

    def squeezed() -> Any:
        def stretched(antialias: bool) -> Any:
            return tf.image.resize(image, (size, size), method="bilinear", antialias=antialias)

        # Enlarging needs no averaging; what could do it would give the same, at four times the cost.
        grows = tf.reduce_all(tf.shape(image)[:2] <= size)
        resized = tf.cond(grows, lambda: stretched(False), lambda: stretched(True))
        return tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8)

    def kept() -> Any:
        return image if image.dtype == tf.uint8 else tf.cast(tf.round(image), tf.uint8)

    # A picture of that size already would come out as it went in, at five times the cost of decoding it.
    there = tf.reduce_all(tf.equal(tf.shape(image)[:2], size))
    return tf.ensure_shape(tf.cond(there, kept, squeezed), (size, size, 3))


def resized(image: np.ndarray, size: int) -> np.ndarray:
    """`resize` of an array."""
    return image if image.shape == (size, size, 3) else np.asarray(resizer(size)(image))


@lru_cache(maxsize=16)
def resizer(size: int) -> Any:
    """`resize` for one size, compiled; op by op it takes half as long again."""
    import tensorflow as tf

    signature = [tf.TensorSpec((None, None, 3), tf.uint8)]
    return tf.function(lambda image: resize(image, size), input_signature=signature, autograph=False)
