"""One table of picture files, and all that reads them: `mmzoo.Image`, the served graph and `mmzoo.lite`."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image as Pillow

import mmzoo
import mmzoo.lite
from mmzoo.errors import DataError
from mmzoo.modalities.image.client import read_image, squeezed
from mmzoo.modalities.image.pictures.exif import orientation
from mmzoo.modalities.image.pictures.resizing import resized
from tests.modalities.pictures.picture_files import (
    ALPHA,
    CLEAR,
    FILES,
    GREY,
    PIXELS,
    SIDE,
    chunk,
    encoded,
    expected,
    png,
    tiff,
)

IMAGE = mmzoo.Image("picture", size=SIDE)
GRAPH = [name for name in FILES if name.startswith(("JPEG", "PNG"))]


@pytest.mark.parametrize("name", FILES)
def test_pictures_are_what_pillow_shows(name: str) -> None:
    data = FILES[name]
    wanted = expected(data).astype(int)
    assert np.abs(read_image(data) - wanted).max() <= 1
    if wanted.shape == IMAGE.shape:
        assert np.abs(IMAGE.decode(data) - wanted).max() <= 1
    else:
        assert np.abs(IMAGE.decode(data) - resized(wanted.astype(np.uint8), SIDE).astype(int)).max() <= 2


@pytest.fixture(scope="module")
def graph() -> Callable[[bytes], np.ndarray]:
    """`serve_bytes` of one picture, compiled as it is served."""
    made = tf.function(IMAGE.from_file, input_signature=[tf.TensorSpec((), tf.string)], autograph=False)
    return lambda data: np.asarray(made(tf.constant(data)))


@pytest.mark.parametrize("name", GRAPH)
def test_a_served_graph_shows_the_same(name: str, graph: Callable[[bytes], np.ndarray]) -> None:
    assert np.abs(graph(FILES[name]).astype(int) - IMAGE.decode(FILES[name])).max() <= 1


@pytest.mark.parametrize("name", [name for name in FILES if name not in GRAPH])
def test_a_served_graph_refuses_what_it_cannot_read(name: str, graph: Callable[[bytes], np.ndarray]) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="neither a JPEG nor a PNG"):
        graph(FILES[name])


@pytest.mark.parametrize("name", ["RGB of 16 bits", "RGBA of 16 bits", "grey of 16 bits"])
def test_sixteen_bits_are_those_of_the_file(name: str) -> None:
    """Against NumPy, with nothing of Pillow."""
    values = PIXELS[..., :1] if "grey" in name else PIXELS
    deep = values.astype(np.uint16) * 257 ^ (values.astype(np.uint16) >> 3)
    wanted = np.broadcast_to(deep / 257, PIXELS.shape)
    if "RGBA" in name:
        wanted = 255 + (wanted - 255) * ALPHA[..., None] / 255
    assert np.abs(IMAGE.decode(FILES[f"PNG, {name}"]) - wanted).max() <= 1


@pytest.mark.parametrize("depth", [1, 2, 4, 16])
def test_a_transparent_grey_is_told_at_the_depth_of_the_file(depth: int, graph: Callable[[bytes], np.ndarray]) -> None:
    """Pillow compares it with pixels of 8 bits."""
    values = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) * 64 % 2**depth
    if depth == 16:
        rows = values.astype(">u2").view(np.uint8)
    else:
        bits = values[..., None] >> np.arange(depth)[::-1] & 1
        rows = np.packbits(bits.reshape(SIDE, -1), axis=1)
    key = int(values[2, 3])
    data = png(rows, 0, depth, chunk(b"tRNS", struct.pack(">H", key)))
    wanted = np.where(values == key, 255, values * 255 / (2**depth - 1))[..., None]
    for read in (IMAGE.decode, graph):
        assert np.abs(read(data) - wanted).max() <= 1


@pytest.mark.parametrize("name", ["JPEG, orientation 6, not square", "PNG, RGBA", "WebP, orientation", "GIF, moving"])
def test_what_else_a_picture_is_given_as(name: str, tmp_path: Path) -> None:
    """As datasets of Hugging Face have it, and as Pillow opens it."""
    data = FILES[name]
    wanted = IMAGE.decode(data)
    (tmp_path / "picture").write_bytes(data)
    for value in (
        {"bytes": data, "path": "nowhere.png"},
        {"bytes": None, "path": str(tmp_path / "picture")},
        {"path": tmp_path / "picture"},
        Pillow.open(io.BytesIO(data)),
    ):
        assert np.abs(IMAGE.decode(value).astype(int) - wanted).max() <= 1
        assert np.abs(squeezed(read_image(value), SIDE).astype(int) - wanted).max() <= 1


def test_arrays() -> None:
    for array in (CLEAR, PIXELS, GREY, GREY[..., None]):
        assert np.abs(IMAGE.decode(array).astype(int) - expected(encoded(array.squeeze(), "PNG"))).max() <= 1
    mask = GREY > 100
    np.testing.assert_array_equal(IMAGE.decode(mask), np.repeat(mask[..., None] * 255, 3, axis=2))
    odd = [PIXELS / 255, PIXELS.astype(int), PIXELS.transpose(2, 0, 1), PIXELS[None], CLEAR[..., :2], PIXELS[:0]]
    for array in odd:
        with pytest.raises(DataError, match=r"An array for image 'picture' must be uint8 \(height, width, 3\), not "):
            IMAGE.decode(array)
    for value in (None, 3, {}, {"bytes": None}, {"bytes": b"", "path": None}, {"pixels": 1}, [1, 2]):
        with pytest.raises(DataError, match=r"must be a path or the bytes|is empty"):
            IMAGE.decode(value)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [3, 4])
def test_an_orientation_is_that_of_pillow(order: str, kind: int) -> None:
    """Of Exif that is whole or cut anywhere."""
    whole = tiff(6, order=order, kind=kind, start=20, thumbnail=3)
    for length in range(8, len(whole) + 1):
        theirs = Pillow.Exif()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs.load(whole[:length])
        assert orientation(whole[:length]) == theirs.get(0x0112, 1)
    assert orientation(whole) == 6
