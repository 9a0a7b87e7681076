"""A safetensors file from a stranger: its header is proven before anything is allocated.

The header is read by hand. `safetensors.safe_open` opens a path by itself, through links and whatever the file is by
then, takes headers of 100 MB and a key that stands twice, and maps a file whose hash nobody has held against the card.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError, require
from mmzoo.limits import parse_json
from mmzoo.weights.reading import plain_size, read_start, read_whole

DTYPES = {"F32": "float32", "F16": "float16", "I32": "int32", "I64": "int64", "U8": "uint8", "BOOL": "bool"}
MAX_HEADER = 2**20
MAX_TENSORS = 4096
MAX_RANK = 8

Layout = dict[str, tuple[str, tuple[int, ...]]]
"""Type and shape of each tensor by its name."""


class TensorFile:
    """A safetensors file of which only the header was read.

    layout: what it holds.
    bytes: how much of it.

    Raises:
        MMZooError: the header is not exactly that of a file of this length.
    """

    def __init__(self, path: Path, facts: dict[str, Any]) -> None:
        self.path, self.facts = path, facts
        size = plain_size(path)
        require(
            size == facts["bytes"], f"'{path}' has {size} bytes, but its card says {facts['bytes']}; copy it again."
        )
        self._check(len(start := read_start(path, 8)) == 8, "it is cut short")
        length = int.from_bytes(start, "little")
        self._check(length <= MAX_HEADER, f"its header is over the limit of {MAX_HEADER // 2**20} MB")
        self._check(8 + length <= size, "its header is cut short")
        self.bytes = size - 8 - length
        self.layout = self._layout(parse_json(f"The header of '{path}'", read_start(path, 8 + length)[8:]))

    def _check(self, condition: object, message: str) -> None:
        require(
            condition, f"'{self.path}' is not a safetensors file that mmzoo writes: {message}; copy the model again."
        )

    def _layout(self, header: Raw) -> Layout:
        """Types and shapes, if the tensors lie one after the other from the first byte to the last."""
        self._check(
            isinstance(header, dict) and len(header) <= MAX_TENSORS, f"it is no list of up to {MAX_TENSORS} tensors"
        )
        layout, spans = {}, []
        for name, facts in header.items():
            known = isinstance(facts, dict) and facts.keys() == {"dtype", "shape", "data_offsets"}
            self._check(known, f"{name[:100]!r} must have dtype, shape and data_offsets")
            dtype, shape, span = facts["dtype"], facts["shape"], facts["data_offsets"]
            self._check(
                isinstance(dtype, str) and dtype in DTYPES, f"{name[:100]!r} must be of type {', '.join(DTYPES)}"
            )
            self._check(whole(shape) and len(shape) <= MAX_RANK, f"{name[:100]!r} has no shape")
            self._check(whole(span) and len(span) == 2, f"{name[:100]!r} has no offsets")
            length = math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize
            self._check(span[1] - span[0] == length, f"the shape and the length of {name[:100]!r} differ")
            layout[name] = (DTYPES[dtype], tuple(shape))
            spans.append(span)
        end = 0
        for start, stop in sorted(spans):
            self._check(start == end, "its tensors overlap or leave gaps")
            end = stop
        self._check(end == self.bytes, f"its tensors end at byte {end} of {self.bytes}")
        return layout

    def read(self, wanted: Layout) -> dict[str, np.ndarray]:
        """The arrays, if they are those that are `wanted`, are what the card means, and all numbers are finite."""
        for name in sorted(wanted.keys() ^ self.layout.keys()):
            where = "spec" if name in wanted else "file"
            raise MMZooError(
                f"Only the {where} of '{self.path}' has a tensor '{name}'; its folder's files do not belong together."
            )
        for name, (dtype, shape) in wanted.items():
            found = self.layout[name]
            require(
                found == (dtype, shape),
                f"The tensor '{name}' of '{self.path}' is {found[0]} {found[1]}, "
                f"but the spec asks for {dtype} {shape}.",
            )
        try:
            arrays = load(read_whole(self.path, self.facts))
        except SafetensorError as error:
            raise MMZooError(f"'{self.path}' is damaged ({error}); copy the model again.") from error
        for name, array in arrays.items():
            require(
                array.dtype.kind != "f" or np.isfinite(array).all(),
                f"The tensor '{name}' of '{self.path}' has numbers that are not finite; it is refused.",
            )
        return dict(arrays)


def whole(value: Raw) -> bool:
    """Is it a list of whole numbers from 0 up?"""
    return isinstance(value, list) and all(type(each) is int and each >= 0 for each in value)


def layout_of(tensors: dict[str, Any]) -> Layout:
    """The layout of arrays, of Keras variables, or of what else has a dtype and a shape."""
    return {name: (str(np.dtype(each.dtype)), tuple(each.shape)) for name, each in tensors.items()}
