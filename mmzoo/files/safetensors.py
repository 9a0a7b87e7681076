"""The layout of a safetensors file from a stranger, proven before anything is allocated or mapped.

The header is read by hand. `safetensors.safe_open` opens a path by itself, through links and whatever the file is by
then, takes headers of 100 MB and a key that stands twice, and maps a file whose hash nobody has held against the card.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmzoo.aliases import Raw
from mmzoo.errors import require
from mmzoo.files.limits import parse_json

if TYPE_CHECKING:
    import numpy as np

DTYPES = {
    "F32": "float32",
    "F16": "float16",
    "I64": "int64",
    "I32": "int32",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
SIZES = {"float32": 4, "float16": 2, "int64": 8, "int32": 4, "int8": 1, "uint8": 1, "bool": 1}
MAX_HEADER = 2**20
MAX_TENSORS = 4096
MAX_RANK = 8


@dataclass(frozen=True)
class Place:
    """Where a tensor lies: its type and shape, and its first byte in the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int


def places(what: str, read: Callable[[int], bytes], size: int, remedy: str) -> dict[str, Place]:
    """The tensors of a file by name, if they lie one after the other from the first byte to the last.

    Args:
        what: how an error calls the file.
        read: gives at most the first so many bytes of it.
        size: how many it has.
        remedy: what to do where it is wrong.

    Raises:
        MMZooError: the header is not exactly that of a file of this length.
    """

    def check(condition: object, message: str) -> None:
        require(condition, f"{what} is not a safetensors file that mmzoo writes: {message}; {remedy}.")

    check(len(start := read(8)) == 8, "it is cut short")
    length = int.from_bytes(start, "little")
    check(length <= MAX_HEADER, f"its header is over the limit of {MAX_HEADER // 2**20} MB")
    check(8 + length <= size, "its header is cut short")
    header = parse_json(f"The header of {what}", read(8 + length)[8:], remedy)
    check(isinstance(header, dict) and len(header) <= MAX_TENSORS, f"it is no list of up to {MAX_TENSORS} tensors")
    assert isinstance(header, dict)
    found, spans = {}, []
    for name, facts in header.items():
        known = isinstance(facts, dict) and facts.keys() == {"dtype", "shape", "data_offsets"}
        check(known, f"{name[:100]!r} must have dtype, shape and data_offsets")
        dtype, shape, span = facts["dtype"], facts["shape"], facts["data_offsets"]
        check(isinstance(dtype, str) and dtype in DTYPES, f"{name[:100]!r} must be of type {', '.join(DTYPES)}")
        check(whole(shape) and len(shape) <= MAX_RANK, f"{name[:100]!r} has no shape")
        check(whole(span) and len(span) == 2, f"{name[:100]!r} has no offsets")
        bytes_ = math.prod(shape) * SIZES[DTYPES[dtype]]
        check(span[1] - span[0] == bytes_, f"the shape and the length of {name[:100]!r} differ")
        found[name] = Place(DTYPES[dtype], tuple(shape), 8 + length + span[0])
        spans.append(span)
    end = 0
    for start_, stop in sorted(spans):
        check(start_ == end, "its tensors overlap or leave gaps")
        end = stop
    check(end == size - 8 - length, f"its tensors end at byte {end} of {size - 8 - length}")
    return found


def header_of(arrays: Mapping[str, np.ndarray]) -> bytes:
    """What stands before the bytes of arrays, which follow in the order given: those of the widest type first, so that
    each lies where its type may be mapped."""
    names = {kind: name for name, kind in DTYPES.items()}
    facts, end = {}, 0
    for name, array in arrays.items():
        facts[name] = {
            "dtype": names[str(array.dtype)],
            "shape": [*array.shape],
            "data_offsets": [end, end + array.nbytes],
        }
        end += array.nbytes
    text = json.dumps(facts, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def whole(value: Raw) -> bool:
    """Is it a list of whole numbers from 0 up?"""
    return isinstance(value, list) and all(type(each) is int and each >= 0 for each in value)
