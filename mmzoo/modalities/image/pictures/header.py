"""What the header of a picture file says, whatever its format, held against the limits before anything is decoded."""

from __future__ import annotations

from collections.abc import Callable

from mmzoo.errors import DataError
from mmzoo.modalities.image.pictures import bmp, gif, jpeg, png, tiff, webp
from mmzoo.modalities.image.pictures.facts import Facts

FORMATS = "JPEG, PNG, GIF, BMP, WebP or TIFF"
READERS: dict[bytes, Callable[[bytes, str], Facts]] = {
    b"\xff\xd8\xff": jpeg.read,
    b"\x89PNG\r\n\x1a\n": png.read,
    b"GIF87a": gif.read,
    b"GIF89a": gif.read,
    b"BM": bmp.read,
    b"II*\0": tiff.read,
    b"MM\0*": tiff.read,
}
# The first box of photos of phones. Nothing in such a file that can be relied upon says how large the pictures are of
# which its decoders make what it claims.
HEIC = dict.fromkeys((b"heic", b"heix", b"hevc", b"mif1", b"msf1"), "a HEIC")
BOXED = {b"avif": "an AVIF", b"avis": "an AVIF", **HEIC}


def read_header(data: bytes, origin: str) -> Facts:
    """What a picture says of itself, which is within the limits.

    Raises:
        DataError: it is no picture that can be read here, is cut short, damaged or over the limits.
    """
    for start, read in READERS.items():
        if data.startswith(start):
            return read(data, origin)
    if data.startswith(b"RIFF") and b"WEBP".startswith(data[8:12]):  # sounds and videos are RIFF too
        return webp.read(data, origin)
    if data[4:8] == b"ftyp" and (kind := BOXED.get(data[8:12])):
        raise DataError(
            f"{origin} is {kind}, whose decoders cannot be held to a limit of memory; save it as JPEG or PNG, or, if "
            "you trust it, open it with Pillow (for HEIC: pip install pillow-heif) and give that picture.",
            "unsupported_image",
        )
    raise DataError(
        f"{origin} is not a {FORMATS} image; convert it or check that it is what its name says.", "junk_image"
    )
