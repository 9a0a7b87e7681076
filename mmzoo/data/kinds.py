"""What a column of a table is: decided by most of its cells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from mmzoo.errors import DataError
from mmzoo.modalities import Modality, audio, image, sensor, video
from mmzoo.modalities.image.pictures.reading import is_pillow
from mmzoo.modalities.tabular.cells import number_of, text_of

ENDINGS: dict[str, tuple[str, ...]] = {
    "image": image.ENDINGS,
    "audio": audio.ENDINGS,
    "video": tuple(ending for ending in video.ENDINGS if ending not in image.ENDINGS),
    "sensor": sensor.ENDINGS,
}
"""What files of each kind end in that a decoder reads. A .gif is a picture, unless its column is said to be a video."""

FOREIGN: dict[str, tuple[str, str]] = {
    **dict.fromkeys((".heic", ".heif", ".avif"), ("image", "convert it to JPEG or PNG")),
    **dict.fromkeys((".cr2", ".nef", ".arw", ".dng", ".psd", ".svg", ".jp2", ".jxl"), ("image", "convert it to PNG")),
    **dict.fromkeys((".amr", ".ape", ".mid", ".midi", ".ra"), ("audio", "convert it to WAV or FLAC")),
    **dict.fromkeys((".vob", ".rm", ".swf"), ("video", "convert it to MP4")),
    **dict.fromkeys((".npz", ".mat", ".h5", ".hdf5", ".edf"), ("sensor", "write one .npy file a record")),
}
"""Endings that say what a file is but that no decoder here reads, and what to do; those of `ENDINGS` go first."""

READERS: dict[str, Modality] = {
    "image": image.Image("value", size=32),
    "audio": audio.Audio("value", sample_rate=16000, seconds=10),
    "video": video.Video("value", frames=2, size=32),
}
"""What tries whether a value of a kind can be decoded."""

KINDS = (*ENDINGS, "text", "number", "category", "ignore")
OTHER = "other"  # the kind of a column of values that no input reads, such as lists; nobody can ask for it
MOST_CATEGORIES = 50  # different values of a column that are taken for categories, not for text
LONGEST_CATEGORY = 40  # characters
MOST = 0.9  # the share of the cells that makes a column numbers or categories
COMMON = 0.5  # the share that makes it paths: a cell that is nothing but a path is hardly ever anything else

AMOUNT = re.compile(r"[^\w\s.,+-]?\s?[+-]?\d[\d.,'\u00a0 ]*\s?(?:%|[^\W\d_]{1,4}|[^\w\s.,+-])?")
"""A number with separators of thousands, a decimal comma, a currency or a unit."""

DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ].*)?")


def guess(values: Sequence[Any]) -> tuple[str, str]:
    """What a column is, from the cells that say something, and a remark on that; "" where there is none."""
    there = [value for value in values if value is not None and not isinstance(value, DataError)]
    if not there:
        return "ignore", ""
    count = len(there)
    looks = Counter(look(value) for value in there)
    kind, most = max(((kind, looks[kind]) for kind in ENDINGS), key=lambda pair: pair[1])
    if most > COMMON * count:
        return kind, ""
    if looks[OTHER] > COMMON * count:
        types = sorted({type(value).__name__ for value in there if look(value) == OTHER})
        return OTHER, f"values that no input reads ({', '.join(types)})"
    numbers = looks["number"]
    codes = sum(is_code(value) for value in there)
    if numbers >= MOST * count and codes <= (1 - MOST) * count:
        return "number", f"zeros at the beginning of {codes} are dropped" if codes else ""
    texts = [text_of(value) for value in there if look(value) != OTHER]
    different = len(set(texts))
    # Few values that come again and again are categories; sentences, and what is different everywhere, are text.
    few = different <= MOST_CATEGORIES and different <= max(count / 2, 2)
    short = sum(len(text) <= LONGEST_CATEGORY for text in texts) >= MOST * len(texts)
    return "category" if few and short else "text", remark(texts, looks, codes)


def remark(texts: Sequence[str], looks: Counter[str], codes: int) -> str:
    """What is worth saying of a column that is taken for texts or categories."""
    count = len(texts)
    paths = looks["path"] + sum(looks[kind] for kind in ENDINGS)
    amounts = [text for text in texts if len(text) <= 40 and number_of(text) is None and AMOUNT.fullmatch(text)]
    if paths > COMMON * count:
        return "its cells look like paths of files, but are taken as they stand, since no one decoder reads them"
    if codes > (1 - MOST) * count and looks["number"] >= MOST * count:
        return "numbers that begin with zeros are codes, not amounts"
    if amounts and len(amounts) + looks["number"] >= MOST * count:
        return f"numbers are written plainly (1234.5), not like '{shown(amounts[0])}'"
    if looks["number"] > COMMON * count:
        return f"{looks['number']} of {count} cells are numbers"
    if sum(bool(DAY.fullmatch(text)) for text in texts) >= MOST * count:
        return "dates are taken as they are written; give numbers (year, hour) where they count"
    return ""


def look(value: Any) -> str:
    """What one cell looks like: a kind of file, "number", "path" (to what nobody here reads), "text", or "other"."""
    if isinstance(value, str):
        kind = kind_of_path(value)
        if kind is None and number_of(value) is not None:
            return "number"
        return kind or ("path" if looks_like_path(value) else "text")
    if isinstance(value, (bool, np.bool_)):
        return "text"
    if isinstance(value, (int, float, Decimal, np.number)):
        return "number"
    if isinstance(value, bytes):
        return sniff(value)
    if isinstance(value, np.ndarray):
        return kind_of_array(value)
    if isinstance(value, tuple):
        return "audio"
    return "image" if is_pillow(value) else OTHER


def kind_of_path(text: str) -> str | None:
    """The kind of file that a path leads to, by its ending; None where that says nothing."""
    text = text.strip().lower()
    ending = f".{text.rpartition('.')[2]}"
    if len(text) > 4096 or "\n" in text or text == ending:
        return None
    found = next((kind for kind, endings in ENDINGS.items() if ending in endings), None)
    return found or FOREIGN.get(ending, (None,))[0]


def looks_like_path(text: str) -> bool:
    """Does it have a folder and an ending, such as "notes/1.txt" or "C:\\notes\\1.txt"?"""
    head, dot, ending = text.strip().rpartition(".")
    folder = re.match(r"[^\s<>|\"]*[/\\]", head[:1000])
    return bool(folder and dot and re.fullmatch(r"[A-Za-z][A-Za-z0-9]{0,4}", ending) and "\n" not in head)


def is_code(value: Any) -> bool:
    """Is it a text of digits with a zero before others, as postcodes have it?"""
    return isinstance(value, str) and bool(re.fullmatch(r"[+-]?0[0-9]+", value.strip()))


def kind_of_array(value: np.ndarray) -> str:
    """What an array is by its shape; "other" where that is not clear, as for one of one dimension."""
    if value.dtype.kind not in "uif":
        return OTHER
    if value.ndim == 2:
        return "image" if value.dtype == np.uint8 and min(value.shape) > 8 else "sensor"
    if value.ndim == 3:
        return "image" if value.shape[-1] in (1, 3, 4) else OTHER
    return "video" if value.ndim == 4 and value.shape[-1] in (1, 3) else OTHER


STARTS: tuple[tuple[bytes, str], ...] = (
    (rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|BM.{4}\0{4}|II\*\0|MM\0\*|RIFF.{4}WEBP", "image"),
    (rb".{4}ftyp(?:heic|heix|avif|mif1)", "image"),
    (rb"RIFF.{4}WAVE|RF64|fLaC|OggS|ID3[\x02-\x04]|\xff[\xfb\xf3\xf2\xfa]|FORM.{4}AIF[FC]|\.snd|caff", "audio"),
    (rb".{4}ftypM4A", "audio"),
    (rb".{4}ftyp|\x1a\x45\xdf\xa3|RIFF.{4}AVI |\0\0\x01[\xba\xb3]|FLV\x01", "video"),
    (rb"\x93NUMPY", "sensor"),
)
"""How files of each kind begin."""


def sniff(data: bytes) -> str:
    """What the bytes of a file are, by how they begin; "text" where they are one."""
    for pattern, kind in STARTS:
        if re.match(pattern, data, re.DOTALL):
            return kind
    try:
        return "text" if "\0" not in data.decode("utf-8") else OTHER
    except UnicodeDecodeError:
        return OTHER


def plain(value: Any) -> Any:
    """A cell as one of a few types: str, bool, int, float, Decimal, bytes, array, (waveform, rate), list, or as it is.

    The two kinds of dicts that Hugging Face's data sets have, `{"bytes", "path"}` and `{"array", "sampling_rate"}`,
    become what they hold. Dates become ISO texts, lengths of time seconds.
    """
    if isinstance(value, (str, bytes)):
        return value
    if isinstance(value, np.generic):
        return plain(value.item()) if not isinstance(value.item(), np.generic) else str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return plain(value.item())
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, dict) and value and value.keys() <= {"bytes", "path"}:
        return value.get("bytes") or value.get("path")
    if isinstance(value, dict) and value.keys() - {"path"} == {"array", "sampling_rate"}:
        with suppress(ValueError):  # lists of different lengths are no waveform
            return np.asarray(value["array"]), value["sampling_rate"]
    return value


def shown(value: Any) -> str:
    """A value, cut, on one line, as a sentence names it."""
    text = re.sub(r"\s+", " ", repr(value)[1:-1] if isinstance(value, str) else f"{type(value).__name__}: {value!r}")
    return text if len(text) <= 40 else f"{text[:37]}..."
