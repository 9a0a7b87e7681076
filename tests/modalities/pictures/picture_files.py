"""Small picture files of every kind that decoders get wrong, and what is right: Pillow's pixels, upright, on white."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

SIDE = 32  # of those that are square, so that nothing is squeezed


def smooth(height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """uint8 (height, width, 3), different in every corner."""
    small = np.random.default_rng(3).integers(0, 256, (5, 5, 3)).astype(np.uint8)
    return np.asarray(Pillow.fromarray(small).resize((width, height), Pillow.Resampling.BICUBIC))


PIXELS = smooth()
ALPHA = np.linspace(0, 255, SIDE * SIDE).reshape(SIDE, SIDE).astype(np.uint8)
CLEAR = np.dstack([PIXELS, ALPHA])
HOLED = np.dstack([PIXELS, np.where(ALPHA > 100, 255, 0).astype(np.uint8)])


def encoded(image: Any, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    (Pillow.fromarray(image) if isinstance(image, np.ndarray) else image).save(out, kind, **options)
    return out.getvalue()


def expected(data: bytes) -> np.ndarray:
    """What a picture file shows, uint8 (H, W, 3), by Pillow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged Exif
        file: Any = ImageOps.exif_transpose(Pillow.open(io.BytesIO(data)))
    if file.mode.startswith("I"):
        return np.repeat((np.asarray(file) / 257).round().astype(np.uint8)[..., None], 3, axis=2)
    shown = file.convert("RGBA")
    return np.asarray(Pillow.alpha_composite(Pillow.new("RGBA", shown.size, "white"), shown).convert("RGB"))


# JPEG: segments, and where the orientation stands.


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def tiff(turn: int, order: str = "<", kind: int = 3, start: int = 8, thumbnail: int = 0) -> bytes:
    """The TIFF structure of an Exif segment, with a maker before the orientation."""

    def directory(turn: int, following: int) -> bytes:
        value = struct.pack(order + ("Hxx" if kind == 3 else "I"), turn)
        entries = (
            struct.pack(f"{order}HHI4s", 0x010F, 2, 4, b"abc\0") + struct.pack(f"{order}HHI", 0x0112, kind, 1) + value
        )
        return struct.pack(f"{order}H", 2) + entries + struct.pack(f"{order}I", following)

    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, start) + b"\7" * (start - 8)
    if not thumbnail:
        return head + directory(turn, 0)
    return head + directory(turn, start + 30) + directory(thumbnail, 0)


def exif(turn: int, **options: Any) -> bytes:
    return segment(0xE1, b"Exif\0\0" + tiff(turn, **options))


BASE = encoded(PIXELS, "JPEG", quality=95, subsampling=0)
WIDE = encoded(smooth(SIDE, 2 * SIDE), "JPEG", quality=95)
JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
ICC = [segment(0xE2, b"ICC_PROFILE\0" + bytes([k + 1, 2]) + bytes(40_000)) for k in range(2)]
XMP = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + b" " * 1200 + b"</x:xmpmeta>")
COMMENT = segment(0xFE, b"made by hand")


def jpeg(*segments: bytes, base: bytes = BASE) -> bytes:
    """A JPEG with segments put in behind its start."""
    return base[:2] + b"".join(segments) + base[2:]


def filled(data: bytes, fill: int = 1) -> bytes:
    """With fill bytes before the markers of its header."""
    out, at = data[:2], 2
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        out, at = out + b"\xff" * fill + data[at:end], end
    return out + b"\xff" * fill + data[at:]


def ycck() -> bytes:
    data = encoded(Pillow.fromarray(PIXELS).convert("CMYK"), "JPEG", quality=95, subsampling=0)
    at = data.index(b"Adobe") + 11
    return data[:at] + b"\2" + data[at + 1 :]


JPEGS = {f"orientation {turn}": jpeg(exif(turn)) for turn in range(1, 9)}
JPEGS |= {f"orientation {turn}, not square": jpeg(exif(turn), base=WIDE) for turn in range(1, 9)}
JPEGS |= {
    "orientation behind JFIF": jpeg(JFIF, exif(6)),
    "orientation behind ICC": jpeg(*ICC, exif(6)),
    "orientation behind a comment": jpeg(COMMENT, exif(8)),
    "orientation behind XMP": jpeg(XMP, exif(3)),
    "orientation behind 64 kB": jpeg(segment(0xE5, bytes(65_000)), segment(0xE5, bytes(65_000)), exif(5)),
    "orientation behind tables": BASE[: BASE.index(b"\xff\xda")] + exif(7) + BASE[BASE.index(b"\xff\xda") :],
    "orientation in XMP and Exif": jpeg(exif(6), XMP),
    "orientation of the thumbnail only": jpeg(exif(1, thumbnail=6)),
    "orientation beside a thumbnail": jpeg(exif(6, thumbnail=1)),
    "orientation big endian": jpeg(exif(6, order=">")),
    "orientation as a long": jpeg(exif(6, kind=4)),
    "orientation as a big-endian long": jpeg(exif(8, kind=4, order=">")),
    "orientation far behind": jpeg(exif(6, start=3000)),
    "orientation 9": jpeg(exif(9)),
    "orientation 0": jpeg(exif(0)),
    "damaged Exif: cut": jpeg(segment(0xE1, b"Exif\0\0" + tiff(6)[:20])),
    "damaged Exif: no order": jpeg(segment(0xE1, b"Exif\0\0XX" + tiff(6)[2:])),
    "damaged Exif: directory outside": jpeg(segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\x7f" + tiff(6)[8:])),
    "damaged Exif: empty": jpeg(segment(0xE1, b"Exif\0\0")),
    "the word Exif in a comment": jpeg(segment(0xFE, b"Exif\0\0" + tiff(6))),
    "fill bytes": filled(BASE),
    "many fill bytes and an orientation": filled(jpeg(exif(6)), 7),
    "grey": encoded(PIXELS[..., 0], "JPEG"),
    "progressive": encoded(PIXELS, "JPEG", progressive=True),
    "progressive, turned": jpeg(exif(6), base=encoded(smooth(40, 32), "JPEG", progressive=True)),
    "4:2:0": encoded(PIXELS, "JPEG", subsampling=2),
    "4:1:1": encoded(PIXELS, "JPEG", subsampling="4:1:1"),
    "4:2:0 of odd sides": encoded(smooth(SIDE - 1, SIDE - 3), "JPEG", subsampling=2),
    "CMYK": encoded(Pillow.fromarray(PIXELS).convert("CMYK"), "JPEG", quality=95, subsampling=0),
    "YCCK": ycck(),
    "RGB": encoded(PIXELS, "JPEG", quality=95, keep_rgb=True),
    "restarts": encoded(PIXELS, "JPEG", restart_marker_blocks=2),
    "bytes behind its end": BASE + b"\xff\xda" * 50,
}


# PNG: chunks.


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(rows: np.ndarray, colour: int, depth: int, *chunks: bytes, sides: tuple[int, int] = (SIDE, SIDE)) -> bytes:
    """A PNG of rows of packed bytes (H, any)."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", sides[1], sides[0], depth, colour, 0, 0, 0))
    body = zlib.compress(np.pad(rows, ((0, 0), (1, 0))).astype(np.uint8).tobytes())
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def deep(values: np.ndarray) -> np.ndarray:
    """8 bits as 16, as rows of bytes."""
    wide = values.astype(np.uint16) * 257 ^ (values.astype(np.uint16) >> 3)
    return wide.astype(">u2").reshape(SIDE, -1).view(np.uint8)


def packed(depth: int) -> np.ndarray:
    """Random numbers of so many bits, as rows of bytes."""
    return np.random.default_rng(depth).integers(0, 256, (SIDE, SIDE * depth // 8)).astype(np.uint8)


def interlaced(pixels: np.ndarray) -> bytes:
    """RGB of 8 bits in the seven passes of Adam7."""
    steps = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    passes = [pixels[top::down, left::right] for top, left, down, right in steps]
    body = b"".join(b"\0" + row.tobytes() for each in passes for row in each if each.size)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *pixels.shape[1::-1], 8, 2, 0, 0, 1))
    return PLAIN[:8] + head + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


COLOURS = np.random.default_rng(5).integers(0, 256, 768).astype(np.uint8).tobytes()
GREY = PIXELS[..., 0]
PLAIN = encoded(PIXELS, "PNG")
BOMB = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(5_000_000)))
MOVING = [Pillow.fromarray(PIXELS), Pillow.fromarray(255 - PIXELS)]
PNGS = {f"grey of {depth} bits": png(packed(depth), 0, depth) for depth in (1, 2, 4, 8)}
PNGS |= {
    f"palette of {depth} bits{', transparent' * clear}": png(
        packed(depth), 3, depth, chunk(b"PLTE", COLOURS[: 3 * 2**depth]), *[chunk(b"tRNS", bytes([0, 128]))] * clear
    )
    for depth in (1, 2, 4, 8)
    for clear in (False, True)
}
PNGS |= {
    "grey with alpha": encoded(Pillow.fromarray(CLEAR).convert("LA"), "PNG"),
    "RGB": PLAIN,
    "interlaced": interlaced(PIXELS),
    "RGBA": encoded(CLEAR, "PNG"),
    "RGBA, opaque": encoded(np.dstack([PIXELS, np.full((SIDE, SIDE), 255, np.uint8)]), "PNG"),
    "grey of 16 bits": png(deep(GREY), 0, 16),
    "grey of 16 bits with alpha": png(deep(np.dstack([GREY, ALPHA])), 4, 16),
    "RGB of 16 bits": png(deep(PIXELS), 2, 16),
    "RGBA of 16 bits": png(deep(CLEAR), 6, 16),
    "grey with a transparent one": png(GREY, 0, 8, chunk(b"tRNS", struct.pack(">H", int(GREY[3, 3])))),
    "grey of 1 bit with a transparent one": png(packed(1), 0, 1, chunk(b"tRNS", b"\0\1")),
    "RGB with a transparent one": png(
        PIXELS.reshape(SIDE, -1), 2, 8, chunk(b"tRNS", struct.pack(">3H", *map(int, PIXELS[3, 3])))
    ),
    "orientation before the pixels": encoded(PIXELS, "PNG", exif=tiff(6)),
    "orientation behind the pixels": PLAIN[:-12] + chunk(b"eXIf", tiff(8)) + PLAIN[-12:],
    "orientation with a prefix": PLAIN[:33] + chunk(b"eXIf", b"Exif\0\0" + tiff(3, order=">")) + PLAIN[33:],
    "orientation, not square": encoded(smooth(SIDE, 2 * SIDE), "PNG", exif=tiff(6)),
    "animated": encoded(MOVING[0], "PNG", save_all=True, append_images=MOVING[1:]),
    "texts": PLAIN[:33]
    + chunk(b"tEXt", b"a\0eXIf IDAT")
    + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(9000)))
    + PLAIN[33:],
}


# GIF, BMP, WebP, TIFF.


def screened(data: bytes, sides: tuple[int, int], place: tuple[int, int]) -> bytes:
    """A GIF whose first frame stands somewhere on another screen."""
    at = data.index(b"\x2c" + struct.pack("<HH", 0, 0), 13)
    made = data[:6] + struct.pack("<HH", *sides) + data[10:]
    return made[: at + 1] + struct.pack("<HH", *place) + made[at + 5 :]


SMALL_GIF = encoded(smooth(16, 20), "GIF")
CLEAR_GIF = encoded(HOLED[:16, :20], "GIF")
GIFS = {
    "plain": encoded(PIXELS, "GIF"),
    "grey": encoded(GREY, "GIF"),
    "transparent": encoded(HOLED, "GIF"),
    "not interlaced": encoded(PIXELS, "GIF", interlace=0),
    "a part of its screen": screened(SMALL_GIF, (SIDE, SIDE), (5, 7)),
    "a transparent part of its screen": screened(CLEAR_GIF, (SIDE, SIDE), (5, 7)),
    "over the edge of its screen": screened(SMALL_GIF, (16, 10), (12, 16)),
    "moving": encoded(MOVING[0], "GIF", save_all=True, append_images=MOVING[1:]),
    "a comment": encoded(PIXELS, "GIF", comment=b"made, by; hand!" * 40),
}


def bmp(rows: np.ndarray, bits: int, compression: int = 0, masks: bytes = b"", down: bool = False) -> bytes:
    """A BMP of rows of bytes (H, any), the lowest first, or of run lengths (any,)."""
    colours = np.frombuffer(COLOURS, np.uint8).reshape(-1, 3)[: 2**bits] if bits <= 8 else np.zeros((0, 3), np.uint8)
    table = np.pad(colours, ((0, 0), (0, 1))).tobytes()
    length = 108 if len(masks) == 16 else 40
    sides = struct.pack("<ii", SIDE, -SIDE if down else SIDE)
    head = struct.pack("<I", length) + sides + struct.pack("<HHIIiiII", 1, bits, compression, 0, 2835, 2835, 0, 0)
    front = (head + masks).ljust(length, b"\0") + table
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + len(front)) + front + rows.astype(np.uint8).tobytes()


def runs() -> np.ndarray:
    """Run lengths of 8 bits: two runs, four numbers as they are and a run a line."""
    line = [20, 3, 8, 7, 0, 4, 1, 2, 3, 4, 0, 0]
    return np.array(line * SIDE + [0, 1])


SHORTS = np.random.default_rng(9).integers(0, 65536, (SIDE, SIDE)).astype("<u2").view(np.uint8)
FOUR = np.dstack([PIXELS[::-1, :, ::-1], ALPHA]).reshape(SIDE, -1)
OLD = b"BM" + struct.pack("<IHHIIHHHH", 0, 0, 0, 26, 12, SIDE, SIDE, 1, 24) + PIXELS[::-1, :, ::-1].tobytes()
BMPS = {f"palette of {bits} bits": bmp(packed(bits), bits) for bits in (1, 4, 8)}
BMPS |= {
    "24 bits": encoded(PIXELS, "BMP"),
    "grey": encoded(GREY, "BMP"),
    "1 bit, black and white": encoded(Pillow.fromarray(PIXELS).convert("1"), "BMP"),
    "24 bits, header of OS/2": OLD,
    "16 bits, 555": bmp(SHORTS, 16),
    "16 bits, 565": bmp(SHORTS, 16, 3, struct.pack("<III", 0xF800, 0x07E0, 0x001F)),
    "16 bits, 555 by masks": bmp(SHORTS, 16, 3, struct.pack("<III", 0x7C00, 0x03E0, 0x001F)),
    "32 bits": bmp(FOUR, 32),
    "32 bits with alpha": bmp(FOUR, 32, 3, struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
    "from the top": bmp(packed(8), 8, down=True),
    "run lengths": bmp(runs(), 8, 1),
}
WEBPS = {
    "lossy": encoded(PIXELS, "WEBP", quality=90),
    "lossless": encoded(PIXELS, "WEBP", lossless=True),
    "alpha": encoded(CLEAR, "WEBP", lossless=True, exact=True),
    "lossy with alpha": encoded(CLEAR, "WEBP"),
    "orientation": encoded(PIXELS, "WEBP", lossless=True, exif=b"Exif\0\0" + tiff(6)),
    "orientation, not square": encoded(smooth(SIDE, 2 * SIDE), "WEBP", lossless=True, exif=tiff(8, order=">")),
    "moving": encoded(MOVING[0], "WEBP", lossless=True, save_all=True, append_images=MOVING[1:]),
}
TIFFS = {
    **{f"{how}": encoded(PIXELS, "TIFF", compression=how) for how in ("raw", "tiff_lzw", "tiff_deflate", "packbits")},
    "RGBA": encoded(CLEAR, "TIFF"),
    "1 bit": encoded(Pillow.fromarray(PIXELS).convert("1"), "TIFF", compression="group4"),
    "palette": encoded(Pillow.fromarray(PIXELS).quantize(16), "TIFF"),
    "16 bits": encoded(GREY.astype(np.uint16) * 257, "TIFF"),
    "CMYK": encoded(Pillow.fromarray(PIXELS).convert("CMYK"), "TIFF"),
    "orientation": encoded(PIXELS, "TIFF", tiffinfo={0x0112: 6}),
    "two pages": encoded(MOVING[0], "TIFF", save_all=True, append_images=MOVING[1:]),
}
KINDS = {"JPEG": JPEGS, "PNG": PNGS, "GIF": GIFS, "BMP": BMPS, "WebP": WEBPS, "TIFF": TIFFS}
FILES = {f"{kind}, {name}": data for kind, files in KINDS.items() for name, data in files.items()}
