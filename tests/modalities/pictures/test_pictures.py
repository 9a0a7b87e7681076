"""Picture files: formats, orientation, depth, and headers that lie."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image as Pillow
from PIL import ImageOps

import mmzoo
from mmzoo.errors import DataError
from mmzoo.modalities.image.pictures.header import read_header
from mmzoo.modalities.image.pictures.reading import read_picture

IMAGE = mmzoo.Image("picture", size=16)
RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (16, 16, 3)).astype(np.uint8)
SMOOTH = np.asarray(Pillow.fromarray(PIXELS[:4, :4]).resize((16, 16), Pillow.Resampling.BICUBIC))


def encoded(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Pillow.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_the_cameras_orientation_is_honoured(turn: int, order: str) -> None:
    exif = Pillow.Exif()
    exif.endian = order
    exif[0x010F] = "a maker"
    exif[0x0112] = turn
    data = encoded(SMOOTH, "JPEG", exif=exif, quality=95, subsampling=0)
    wanted = np.asarray(ImageOps.exif_transpose(Pillow.open(io.BytesIO(data))).convert("RGB")).astype(int)
    assert np.abs(IMAGE.decode(data).astype(int) - wanted).max() <= 1
    np.testing.assert_array_equal(IMAGE.from_file(tf.constant(data)), IMAGE.decode(data))


def test_a_photo_that_is_not_square_is_turned_before_it_is_squeezed() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    wide = np.repeat(np.repeat(SMOOTH, 2, axis=1), 2, axis=1)
    data = encoded(wide, "JPEG", exif=exif, quality=95)
    upright = np.asarray(ImageOps.exif_transpose(Pillow.open(io.BytesIO(data))))
    assert upright.shape == (64, 16, 3)
    assert np.abs(IMAGE.decode(data).astype(int) - IMAGE.decode(upright)).max() <= 4


JPEGS: dict[str, dict[str, object]] = {
    "baseline": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "4:2:0": {"subsampling": 2},
    "progressive": {"progressive": True},
    "coarse": {"quality": 5},
    "optimized": {"optimize": True, "quality": 98},
}


@pytest.mark.parametrize("side", [16, 15, 37])
@pytest.mark.parametrize("kind", JPEGS)
def test_every_jpeg_is_decoded_as_in_a_graph(kind: str, side: int) -> None:
    """Where it is squeezed, within one level: Pillow rounds between rows and columns."""
    pixels = RANDOM.integers(0, 256, (side, side + 3, 3)).astype(np.uint8)
    for source in (pixels, pixels[..., 0]):
        data = encoded(source, "JPEG", **JPEGS[kind])
        np.testing.assert_allclose(IMAGE.decode(data).astype(int), IMAGE.from_file(tf.constant(data)), rtol=0, atol=1)


@pytest.mark.parametrize("sides", [(9, 14), (16, 10), (30, 41), (14, 200)])
def test_squeezing_is_pillows(sides: tuple[int, int]) -> None:
    """A linear filter that is as wide as the shrinking needs; also where one side shrinks and the other grows."""
    pixels = RANDOM.integers(0, 256, (*sides, 3)).astype(np.uint8)
    wanted = np.asarray(Pillow.fromarray(pixels).resize((16, 16), Pillow.Resampling.BILINEAR)).astype(int)
    assert np.abs(IMAGE.decode(pixels).astype(int) - wanted).max() <= 1
    assert np.abs(IMAGE.decode(encoded(pixels, "PNG")).astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("side", [16, 15])
def test_a_picture_that_has_the_size_is_decoded_as_any_other(side: int) -> None:
    data = encoded(SMOOTH[:side, :side], "JPEG")
    found, wanted = IMAGE.decode(data).astype(int), IMAGE.from_file(tf.constant(data)).numpy()
    assert np.abs(found - wanted).max() <= (side != 16)


@pytest.mark.parametrize(("sides", "factor"), [((256, 400), 8), ((128, 64), 2), ((129, 260), 1), ((60, 400), 1)])
def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size(sides: tuple[int, int], factor: int) -> None:
    """Where its sides can be divided, and it stays twice as large as it is going to be: nearly the same pixels."""
    coarse = np.random.default_rng(0).integers(0, 256, (6, 6, 3)).astype(np.uint8)
    picture = Pillow.fromarray(coarse).resize(sides[::-1], Pillow.Resampling.BICUBIC)
    exif = Pillow.Exif()
    exif[0x0112] = 6
    data = encoded(np.asarray(picture), "JPEG", quality=90, exif=exif)
    pixels, turn = read_picture(data, "a test", size=16)
    assert pixels.shape == (sides[0] // factor, sides[1] // factor, 3)
    assert turn == 6
    assert read_picture(data, "a test")[0].shape == (*sides, 3)
    difference = np.abs(IMAGE.decode(data).astype(int) - IMAGE.from_file(tf.constant(data)).numpy())
    assert difference.max() <= 4  # of 120 such pictures; their levels change by up to 255 in a few pixels
    assert difference.mean() < 0.7


@pytest.mark.parametrize("side", [16, 21])
def test_a_picture_decoded_into_a_batch(side: int) -> None:
    """The same pixels, whatever stood there; also of a JPEG that only the graph can judge, and of a cut one."""
    pixels = RANDOM.integers(0, 256, (side, side, 3)).astype(np.uint8)
    exif = Pillow.Exif()
    exif[0x0112] = 8
    batch = np.full((3, 16, 16, 3), 77, np.uint8)
    for data in (encoded(pixels, "JPEG"), encoded(pixels, "JPEG", exif=exif), encoded(pixels, "PNG"), pixels):
        IMAGE.decode_into(batch[1], data)
        np.testing.assert_array_equal(batch[1], IMAGE.decode(data))
        assert (batch[::2] == 77).all()
    with pytest.raises(DataError, match="cut short"):
        IMAGE.decode_into(batch[1], encoded(pixels, "JPEG")[:300])


def test_an_orientation_that_no_camera_writes_is_none() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 9
    plain = encoded(SMOOTH, "JPEG", quality=95)
    np.testing.assert_array_equal(IMAGE.decode(encoded(SMOOTH, "JPEG", exif=exif, quality=95)), IMAGE.decode(plain))


def test_webp() -> None:
    np.testing.assert_array_equal(IMAGE.decode(encoded(PIXELS, "WEBP", lossless=True)), PIXELS)
    clear = np.dstack([PIXELS, np.zeros((16, 16), np.uint8)])
    assert (IMAGE.decode(encoded(clear, "WEBP", lossless=True)) == 255).all()
    moving = encoded(PIXELS, "WEBP", lossless=True, save_all=True, append_images=[Pillow.fromarray(PIXELS[::-1])])
    np.testing.assert_array_equal(IMAGE.decode(moving), PIXELS)


def test_sixteen_bits_are_rounded_to_eight() -> None:
    deep = RANDOM.integers(0, 65536, (16, 16)).astype(np.uint16)
    found = IMAGE.decode(encoded(deep, "PNG"))
    np.testing.assert_array_equal(found, np.repeat((deep / 257).round()[..., None], 3, axis=2))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA"])
def test_modes_of_png(mode: str) -> None:
    image = Pillow.fromarray(SMOOTH).convert(mode)
    out = io.BytesIO()
    image.save(out, "PNG")
    np.testing.assert_array_equal(IMAGE.decode(out.getvalue()), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("clear", [None, 0])
def test_palettes_of_png(bits: int, clear: int | None) -> None:
    image = Pillow.fromarray(SMOOTH).quantize(2**bits)
    out = io.BytesIO()
    image.save(out, "PNG", bits=bits, **({} if clear is None else {"transparency": clear}))
    wanted = np.array(image.convert("RGB"))
    if clear is not None:
        wanted[np.asarray(image) == clear] = 255
    np.testing.assert_array_equal(IMAGE.decode(out.getvalue()), wanted)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
@pytest.mark.parametrize("size", [(1, 7), (33, 20), (300, 2)])
def test_headers_say_what_pillow_says(kind: str, size: tuple[int, int]) -> None:
    data = encoded(RANDOM.integers(0, 256, (size[1], size[0], 3)).astype(np.uint8), kind)
    lossless = encoded(np.zeros((size[1], size[0], 4), np.uint8), "WEBP", lossless=True)
    for file, name in ((data, kind), (lossless, "WEBP")):
        facts = read_header(file, "it")
        assert (facts.format, facts.width, facts.height) == (name, *size)


def png(width: int, height: int, body: bytes = b"") -> bytes:
    """A PNG whose header claims a size; its checksums are right."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + (chunk(b"IDAT", body) if body else b"\0" * 50)


def jpeg(width: int, height: int) -> bytes:
    """A small JPEG whose header claims a size."""
    data = bytearray(encoded(SMOOTH, "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


BAD = {
    "empty": (b"", "empty_file", "is empty"),
    "text": (b"hello, this is not an image", "junk_image", "is not a JPEG, PNG, GIF, BMP, WebP or TIFF"),
    "a sound": (b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), "junk_image", "is not a JPEG, PNG"),
    "a video": (b"RIFF\x24\0\0\0AVI LIST" + bytes(40), "junk_image", "is not a JPEG, PNG"),
    "WebP cut in the header": (encoded(PIXELS, "WEBP")[:9], "truncated_image", "is cut short"),
    "cut in the header": (encoded(PIXELS, "PNG")[:20], "truncated_image", "is cut short"),
    "truncated PNG": (encoded(PIXELS, "PNG")[:200], "truncated_image", "damaged or cut short"),
    "truncated JPEG": (encoded(PIXELS, "JPEG")[:15], "truncated_image", "cut short"),
    "truncated WebP": (encoded(PIXELS, "WEBP", lossless=True)[:200], "truncated_image", "damaged or cut short"),
    "bomb": (png(30000, 30000), "too_large_image", "30000 x 30000 pixels"),
    "JPEG bomb": (jpeg(13000, 13000), "too_large_image", "13000 x 13000 pixels"),
    "packed bomb": (png(6500, 6500, zlib.compress(b"\0" * 6500 * 3 * 50, 9)), "lying_image", "made to fill memory"),
    "lying JPEG": (jpeg(7000, 7000), "lying_image", "cut short or made to fill memory"),
    "lying header": (png(1000, 1000), "truncated_image", "damaged or cut short"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_pictures(case: str, tmp_path: Path) -> None:
    data, cause, words = BAD[case]
    path = tmp_path / "bad.png"
    path.write_bytes(data)
    with pytest.raises(DataError, match=words) as caught:
        IMAGE.decode(path)
    assert caught.value.cause == cause
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bombs_cost_no_memory(tmp_path: Path) -> None:
    """Whatever a header claims, refusing it takes less than 64 MB."""
    for case, (data, _, _) in BAD.items():
        (tmp_path / case).write_bytes(data)
    program = """
import resource, sys
from pathlib import Path
import mmzoo
from mmzoo.errors import DataError
image = mmzoo.Image("picture", size=16)
image.decode(Path(sys.argv[2]).read_bytes())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in Path(sys.argv[1]).iterdir():
    try:
        image.decode(path)
    except DataError:
        continue
    raise SystemExit(f"{path} was taken")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    good = tmp_path.parent / "good.png"
    good.write_bytes(encoded(PIXELS, "PNG"))
    command = [sys.executable, "-c", program, str(tmp_path), str(good)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]
    assert float(done.stdout) < 64
