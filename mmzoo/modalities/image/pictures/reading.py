"""Pixels of a picture file or of what else a user has as a picture, with Pillow and simplejpeg.

Nothing here needs TensorFlow: the client of an exported file reads pictures by this too.
"""

from __future__ import annotations

import io
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import DataError, MMZooError, require_data
from mmzoo.modalities.files import read_bytes, unwrapped
from mmzoo.modalities.image.pictures import tiff
from mmzoo.modalities.image.pictures.exif import orientation
from mmzoo.modalities.image.pictures.facts import Facts
from mmzoo.modalities.image.pictures.header import read_header
from mmzoo.modalities.image.pictures.limits import check_sides, damaged

if TYPE_CHECKING:
    from PIL import Image

SPARE = 2  # times as large as it is going to be must a picture stay that is decoded at a fraction of its size
STRIP = 2**20  # pixels that are converted at once, so that a large picture takes little more than itself
QUIET = threading.Lock()


def read_picture(value: Raw, name: str, out: np.ndarray | None = None, size: int = 0) -> tuple[np.ndarray, int]:
    """The pixels uint8 (H, W, 3) as they are stored, what is transparent laid on white; and their `orientation`.

    Args:
        value: a path, the bytes of a file, {"bytes": ..., "path": ...} as datasets of Hugging Face have it (the path
            counts where there are no bytes), a picture of Pillow, or an array: see `from_array`.
        name: how an error calls what is no file.
        out: uint8 (H, W, 3), which is written to and returned where the pixels of a file have that shape.
        size: both sides to which it is going to be squeezed. A JPEG that is far larger, and whose sides can be divided,
            is decoded at a half, a quarter or an eighth: the same within four levels of 255 (half a one on average), in
            about half the time.

    Raises:
        DataError: it is no picture, is damaged, or is over the limits.
    """
    value = unwrapped(value)
    if isinstance(value, np.ndarray):
        return from_array(value, name), 1
    if is_pillow(value):
        return from_pillow(value, f"The picture of {name}")
    data, origin = read_bytes(value, "image")
    facts = read_header(data, origin)
    pixels = by_simplejpeg(data, facts, out, size) if facts.format == "JPEG" else None
    return (pixels, facts.turn or 1) if pixels is not None else by_pillow(data, facts, origin)


def by_simplejpeg(data: bytes, facts: Facts, out: np.ndarray | None, size: int = 0) -> np.ndarray | None:
    """The pixels of a usual JPEG, in half of Pillow's time; None where the library does not like it.

    Args:
        out, size: of `read_picture`.
    """
    try:
        import simplejpeg
    except ImportError:  # the client of an exported file does without
        return None
    both = (facts.height, facts.width)
    factor = next((k for k in (8, 4, 2) if size and all(x >= SPARE * k * size and x % k == 0 for x in both)), 1)
    sides = (facts.height // factor, facts.width // factor, 3)
    if out is None or out.shape != sides or facts.turn != 1:
        out = np.empty(sides, np.uint8)
    try:
        # In room of the size that was checked: the library makes none of its own.
        least = {"min_height": sides[0], "min_width": sides[1]} if factor > 1 else {}
        return out if simplejpeg.decode_jpeg(data, buffer=out, **least).shape == sides else None
    except ValueError:
        return None


def is_pillow(value: Raw) -> TypeGuard[Image.Image]:
    """Is it a picture of Pillow? Then Pillow is loaded already."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(value, pillow.Image)


def from_array(value: np.ndarray, name: str) -> np.ndarray:
    """uint8 or bool (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) as uint8 (H, W, 3); the fourth channel is the alpha."""
    pixels = value[..., None] if value.ndim == 2 else value
    require_data(
        pixels.ndim == 3 and pixels.shape[-1] in (1, 3, 4) and pixels.dtype in (np.uint8, np.bool_) and pixels.size,
        "wrong_shape",
        f"An array for {name} must be uint8 (height, width, 3), not {value.dtype} {value.shape}.",
    )
    check_sides(pixels.shape[1], pixels.shape[0], f"The array for {name}")
    if pixels.dtype == np.bool_:
        pixels = pixels * np.uint8(255)
    if pixels.shape[-1] == 4:
        return in_strips(pixels.shape[:2], lambda rows: on_paper(pixels[rows]))
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def by_pillow(data: bytes, facts: Facts, origin: str) -> tuple[np.ndarray, int]:
    """`read_picture` of a file whose header was read."""
    from PIL import Image as Pillow

    # Of other formats what Pillow could warn of is left out.
    calm = quiet() if facts.format == "TIFF" else nullcontext()
    with trouble(origin), calm, Pillow.open(io.BytesIO(facts.lean()), formats=[facts.format]) as file:
        if facts.format == "TIFF":
            tiff.check(file, origin, len(data))
        # What the header says is what the decoder will make room for.
        if facts.width and file.size != (facts.width, facts.height):
            raise damaged(origin, "lying_image")
        turn = facts.turn or orientation(file.info.get("exif") or b"")
        file.load()
        scale_key(file, facts.depth)
        return on_white(file), turn


def from_pillow(image: Image.Image, origin: str) -> tuple[np.ndarray, int]:
    """`read_picture` of a picture of Pillow, which may not have been decoded yet."""
    check_sides(image.width, image.height, origin)
    with trouble(origin), quiet():
        turn = orientation(image.info.get("exif", b""))
        image.load()
        return on_white(image), turn


@contextmanager
def trouble(origin: str, cause: str = "truncated_image") -> Iterator[None]:
    """What a decoder makes of damaged bytes may be any exception; to a user it is one."""
    try:
        yield
    except (MMZooError, ImportError):
        raise
    except Exception as error:
        raise damaged(origin, cause) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Without Pillow's warnings of odd tags. Who changes the filters of warnings must be alone."""
    with QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def scale_key(image: Image.Image, depth: int) -> None:
    """The transparent colour of a PNG is given at its own depth; Pillow's pixels have 8 bits."""
    key = image.info.get("transparency")
    if image.mode == "L" and isinstance(key, int) and depth < 8:
        image.info["transparency"] = key * 255 // (2**depth - 1)
    if image.mode == "RGB" and isinstance(key, tuple) and depth == 16:
        image.info["transparency"] = tuple(each >> 8 for each in key)


def on_white(image: Image.Image) -> np.ndarray:
    """A decoded picture of Pillow as uint8 (H, W, 3), what is transparent laid on white."""
    if image.mode in ("F", "I") and image.format != "PNG":
        raise DataError("A picture of 32 bits a pixel cannot be read; give it with 8 or 16.", "unsupported_image")
    width, height = image.size
    return in_strips((height, width), lambda rows: strip(image.crop((0, rows.start, width, rows.stop))))


def in_strips(sides: tuple[int, int], made: Callable[[slice], np.ndarray]) -> np.ndarray:
    """uint8 (H, W, 3), some rows of which are made at once."""
    height, width = sides
    step = max(1, STRIP // width)
    if height <= step:
        return made(slice(0, height))
    out = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        out[rows] = made(rows)
    return out


def strip(part: Image.Image) -> np.ndarray:
    """Some rows of `on_white`."""
    clear = part.info.get("transparency")
    if part.mode.startswith("I"):  # grey of 16 bits
        deep = np.asarray(part).astype(np.uint32)
        grey = ((np.minimum(deep, 65535) * 255 + 32767) // 65535).astype(np.uint8)
        if clear is not None:
            grey[deep == clear] = 255
        return np.repeat(grey[..., None], 3, axis=2)
    if clear is None and "A" not in part.getbands():
        return np.asarray(part if part.mode == "RGB" else part.convert("RGB"))
    return on_paper(np.asarray(part.convert("RGBA")))


def on_paper(pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 4), the last channel the alpha, laid on white: uint8 (H, W, 3)."""
    alpha = pixels[..., 3:].astype(np.uint16)
    # Half of 255 in front of the division rounds.
    return ((pixels[..., :3] * alpha + (255 - alpha) * np.uint16(255) + np.uint16(127)) // 255).astype(np.uint8)
