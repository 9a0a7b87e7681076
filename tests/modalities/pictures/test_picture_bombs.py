"""Picture files that are made to fill memory or to take for ever, in all that reads pictures."""

from __future__ import annotations

import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image as Pillow

import mmzoo
import mmzoo.lite
from mmzoo.errors import DataError
from mmzoo.modalities.image.client import read_image, squeezed
from mmzoo.modalities.image.pictures.limits import MAX_MEMORY
from mmzoo.modalities.image.pictures.moving import read_gif
from tests.modalities.pictures.picture_files import (
    BASE,
    GIFS,
    PIXELS,
    PLAIN,
    SIDE,
    SMALL_GIF,
    WEBPS,
    chunk,
    encoded,
    exif,
    filled,
    jpeg,
    screened,
    segment,
    tiff,
)

IMAGE = mmzoo.Image("picture", size=SIDE)


PACKED = b"a\0\0" + zlib.compress(bytes(10**8))
HUGE = chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0))


def sized(data: bytes, width: int, height: int) -> bytes:
    """A JPEG whose frame claims a size."""
    at = next(k for k in range(len(data)) if data[k] == 0xFF and data[k + 1] in (0xC0, 0xC2))
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def frame_of(data: bytes) -> bytes:
    at = data.index(b"\xff\xc0")
    return data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")]


def coded(kind: int) -> bytes:
    at = BASE.index(b"\xff\xc0")
    return BASE[: at + 1] + bytes([kind]) + BASE[at + 2 :]


def png(width: int, height: int, colour: int = 2, depth: int = 8) -> bytes:
    """A whole black PNG, as small as it gets."""
    channels = {0: 1, 2: 3, 6: 4}[colour]
    packer = zlib.compressobj(9)
    row = bytes(1 + (width * channels * depth + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return PLAIN[:8] + head + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def scanned(side: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    data = encoded(np.full((side, side, 3), 99, np.uint8), "JPEG", progressive=True)
    start, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:end] + data[start:end] * scans + data[end:]


def bmp(width: int, height: int, header: int = 40, compression: int = 0) -> bytes:
    sides = struct.pack("<HH" if header == 12 else "<ii", width, height)
    body = struct.pack("<I", header) + sides + struct.pack("<HHI", 1, 8, compression)
    return b"BM" + bytes(12) + body + bytes(200)


def canvas(width: int, height: int) -> bytes:
    """A WebP of the extended kind that claims a canvas."""
    data = WEBPS["orientation"]
    return data[:24] + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little") + data[30:]


def tiled(width: int, height: int, tile: int) -> bytes:
    entries = [(256, width), (257, height), (258, 8), (262, 1), (277, 1), (322, tile), (323, tile), (324, 8), (325, 64)]
    made = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + made + bytes(100)


def large_frame(data: bytes, side: int) -> bytes:
    at = data.index(b",\0\0\0\0", 13)
    return data[: at + 5] + struct.pack("<HH", side, side) + data[at + 9 :]


def commented(data: bytes, blocks: int) -> bytes:
    start = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    return data[:start] + b"!\xfe" + (b"\xff" + bytes(255)) * blocks + b"\0" + data[start:]


REFUSED: dict[str, Callable[[], bytes]] = {
    "JPEG, a fill byte before the frame": lambda: filled(sized(BASE, 30_000, 30_000)),
    "JPEG, many fill bytes": lambda: filled(sized(BASE, 30_000, 30_000), 900),
    "JPEG, RST before the frame": lambda: jpeg(b"\xff\xd0\xff\xd7\xff\x01", base=sized(BASE, 30_000, 30_000)),
    "JPEG, junk before the frame": lambda: jpeg(b"abc\xff\x00", base=sized(BASE, 30_000, 30_000)),
    "JPEG, a segment of length 0": lambda: jpeg(b"\xff\xe5\0\0", base=sized(BASE, 30_000, 30_000)),
    "JPEG, two frames, the first small": lambda: jpeg(frame_of(BASE), base=sized(BASE, 30_000, 30_000)),
    "JPEG, two frames, the second small": lambda: jpeg(frame_of(sized(BASE, 30_000, 30_000))),
    "JPEG, a frame in a comment": lambda: jpeg(segment(0xFE, frame_of(BASE)), base=sized(BASE, 30_000, 30_000)),
    "JPEG, two starts": lambda: jpeg(b"\xff\xd8", base=sized(BASE, 30_000, 30_000)),
    "JPEG, no lines": lambda: sized(BASE, 32, 0),
    "JPEG, lines behind the scan": lambda: sized(BASE, 32, 0)[:-2] + b"\xff\xdc\0\4\xff\xff\xff\xd9",
    "JPEG, 2000 scans": lambda: scanned(1024, 2000),
    "JPEG, 2000 scans behind a false end": lambda: scanned(1024, 2000).replace(
        b"\xff\xda", segment(0xFE, b"\xff\xd9") + b"\xff\xda"
    ),
    "JPEG, 200,000 segments": lambda: jpeg(segment(0xE5, b"") * 200_000, exif(6)),
    **{f"JPEG, frame {kind:02x}": lambda kind=kind: coded(kind) for kind in (0xC3, 0xC5, 0xC7, 0xC9, 0xCA, 0xCB, 0xCF)},
    "PNG, 50,000,000 x 1": lambda: PLAIN[:16] + struct.pack(">II", 50_000_000, 1) + PLAIN[24:],
    "PNG, 1 x 50,000,000": lambda: PLAIN[:16] + struct.pack(">II", 1, 50_000_000) + PLAIN[24:],
    "PNG, 2^32 - 1": lambda: PLAIN[:16] + b"\xff" * 8 + PLAIN[24:],
    "PNG, two headers": lambda: PLAIN[:33] + HUGE + PLAIN[33:],
    "PNG, the header not first": lambda: PLAIN[:8] + chunk(b"tEXt", b"a\0b") + PLAIN[8:],
    "PNG of iPhone apps": lambda: PLAIN[:8] + chunk(b"CgBI", b"\x50\0\x20\2") + PLAIN[8:],
    "GIF, a large frame": lambda: screened(SMALL_GIF, (64, 64), (60_000, 16_000)),
    "GIF, a frame of 16,000 x 16,000": lambda: large_frame(SMALL_GIF, 16_000),
    "GIF, a large screen": lambda: SMALL_GIF[:6] + struct.pack("<HH", 60_000, 60_000) + SMALL_GIF[10:],
    "GIF, a header alone": lambda: SMALL_GIF[:13],
    "BMP, wide": lambda: bmp(50_000_000, 1),
    "BMP, from the top": lambda: bmp(30_000, -30_000),
    "BMP, negative width": lambda: bmp(-5, 5),
    "BMP of OS/2": lambda: bmp(60_000, 60_000, header=12),
    "BMP, run lengths": lambda: bmp(4000, 4000, compression=1) + bytes(20_000),
    "WebP, a large canvas": lambda: canvas(16_000, 16_000),
    "WebP, canvas and frame differ": lambda: canvas(64, 64),
    "TIFF, large": lambda: tiled(30_000, 30_000, 64),
    "TIFF, large tiles": lambda: tiled(64, 64, 30_000),
    "HEIC": lambda: b"\0\0\0\x18ftypheic" + bytes(40),
    "AVIF": lambda: encoded(PIXELS, "AVIF"),
}
TAKEN: dict[str, Callable[[], bytes]] = {
    "progressive, 900 scans, small": lambda: scanned(64, 900),
    "PNG, texts of 100 MB": lambda: PLAIN[:33] + chunk(b"zTXt", PACKED) + PLAIN[33:],
    "PNG, a profile of 100 MB": lambda: PLAIN[:33] + chunk(b"iCCP", PACKED) + PLAIN[33:],
    "JPEG, 300 Exif segments": lambda: jpeg(*[segment(0xE1, b"Exif\0\0" + bytes(60_000))] * 300),
    "JPEG, a long directory": lambda: jpeg(segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + tiff(6)[10:22] * 5000)),
    "JPEG, 2 MB of fill bytes": lambda: filled(BASE, 200_000),
    "GIF, a comment of 10 MB": lambda: commented(GIFS["plain"], 40_000),
}


@pytest.fixture(scope="module")
def graph() -> Callable[[bytes], np.ndarray]:
    made = tf.function(IMAGE.from_file, input_signature=[tf.TensorSpec((), tf.string)], autograph=False)
    return lambda data: np.asarray(made(tf.constant(data)))


@pytest.mark.parametrize("name", REFUSED)
def test_bombs_are_refused_by_all(name: str, graph: Callable[[bytes], np.ndarray]) -> None:
    data = REFUSED[name]()
    began = time.process_time()
    for read in (IMAGE.decode, read_image):
        with pytest.raises(DataError) as caught:
            read(data)
        assert "\n" not in str(caught.value)
        assert str(caught.value).startswith("The image given as bytes")
    with pytest.raises(tf.errors.OpError):
        graph(data)
    assert time.process_time() - began < 5


@pytest.mark.parametrize("name", TAKEN)
def test_what_only_looks_odd_is_read(name: str, graph: Callable[[bytes], np.ndarray]) -> None:
    data = TAKEN[name]()
    began = time.process_time()
    found = IMAGE.decode(data).astype(int)
    if name.startswith(("JPEG", "PNG", "prog")):
        assert np.abs(graph(data) - found).max() <= 1
    assert time.process_time() - began < 5


def test_pictures_of_pillow_that_are_too_large() -> None:
    for picture in (Pillow.new("1", (60_000, 2000)), Pillow.new("1", (70_000, 1)), Pillow.new("F", (20, 20))):
        with pytest.raises(DataError, match=r"image 'picture'|32 bits"):
            IMAGE.decode(picture)


PROGRAM = """
import resource, sys
import numpy as np, tensorflow as tf
import mmzoo, mmzoo.lite
from mmzoo.modalities.image.client import read_image, squeezed
from pathlib import Path
image = mmzoo.Image("picture", size=64)
graph = tf.function(image.from_file, input_signature=[tf.TensorSpec((), tf.string)], autograph=False)
lite = lambda data: squeezed(read_image(data), 64)
read = {"decode": image.decode, "graph": lambda data: np.asarray(graph(tf.constant(data))), "lite": lite}[sys.argv[1]]
small, data = (Path(path).read_bytes() for path in sys.argv[2:])
read(small)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
read(data)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A small picture, and 48 megapixels of 16 bits with alpha in 370 kB."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "small.png").write_bytes(png(200, 200, 6, 16))
    (folder / "large.png").write_bytes(png(8000, 6000, 6, 16))
    return [str(folder / "small.png"), str(folder / "large.png")]


@pytest.mark.long
@pytest.mark.parametrize("reader", ["decode", "graph", "lite"])
def test_the_largest_picture_keeps_to_the_memory_that_is_stated(reader: str, pictures: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, reader, *pictures], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-1000:]
    assert int(done.stdout.split()[-1]) < MAX_MEMORY


@pytest.mark.parametrize("sides", [(60_000, 40), (40, 60_000), (5000, 4100), (4100, 5000)])
def test_large_pictures_are_squeezed_as_others(sides: tuple[int, int]) -> None:
    """In strips, or laid on their side: against Pillow's filter."""
    small = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    pixels = np.asarray(Pillow.fromarray(small).resize(sides, Pillow.Resampling.NEAREST))
    wanted = np.asarray(Pillow.fromarray(pixels).resize((SIDE, SIDE), Pillow.Resampling.BILINEAR)).astype(int)
    assert np.abs(IMAGE.decode(pixels) - wanted).max() <= 1
    assert np.abs(squeezed(pixels, SIDE) - wanted).max() <= 1


def moving(frames: int, side: int = 8) -> bytes:
    """A GIF of so many frames that are the same."""
    data = encoded(np.zeros((side, side), np.uint8), "GIF")
    at = data.index(b",\0\0\0\0", 13)
    return data[:at] + data[at:-1] * frames + b";"


def test_a_moving_gif_gives_frames_at_even_distances() -> None:
    """Each of another grey, the second on a part of the screen alone."""
    frames = [Pillow.fromarray(np.full((SIDE, SIDE), 20 * k, np.uint8)) for k in range(10)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    for wanted in (1, 5, 10, 20):
        found = read_gif(data, "it", wanted, SIDE)
        assert found.shape == (wanted, SIDE, SIDE, 3)
        places = ((np.arange(wanted) + 0.5) * 10 / wanted).astype(int)
        np.testing.assert_array_equal(found[:, 0, 0, 0], 20 * places)


@pytest.mark.parametrize(
    "data",
    [
        moving(25_000),
        moving(2000, 400),
        large_frame(moving(1), 16_000),
        moving(2)[:-1] + large_frame(moving(1), 16_000)[moving(1).index(b",\0\0\0\0", 13) :],
        moving(3)[:40],
        GIFS["moving"][:-300],
        b"GIF89a",
    ],
    ids=["frames", "pixels", "first frame", "a later frame", "header", "cut", "start"],
)
def test_gifs_that_are_no_video(data: bytes) -> None:
    began = time.process_time()
    with pytest.raises(DataError):
        mmzoo.Video("clip", frames=4, size=32).decode(data)
    assert time.process_time() - began < 3
