"""CTranslate2's file of a model, `model.bin`, read without CTranslate2.

All numbers are little-endian. A head (version, name of the kind of model, its revision), then the count of the tensors
and each one: its name, its rank and sides, a number for its type, how many bytes it has, and these; then names that are
others of the same tensors. A name is its length in two bytes and that many bytes, of which the last is zero.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np

from mmzoo.errors import MMZooError, require
from mmzoo.weights.reading import read_published

VERSION = 6
LIMIT = 2**32  # bytes of a file
MAX_RANK = 8
MAX_SIDE = 2**31
DTYPES = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}


def read_ctranslate2(path: str | Path, kind: str) -> dict[str, np.ndarray]:
    """The tensors of a CTranslate2 model by their names, such as "encoder/layer_0/ffn/linear_0/weight".

    They are read-only views of what was read, in the types of the file. One of several names stands under each.

    Args:
        kind: of model, as the file calls it: "WhisperSpec".

    Raises:
        MMZooError: the file cannot be read, holds another kind of model or another version, or is damaged.
    """
    data = read_published(path, LIMIT)
    try:
        return tensors_of(data, kind)
    except MMZooError as error:
        raise MMZooError(f"The weights file '{path}' is refused: {error}") from None


def tensors_of(data: bytes, kind: str) -> dict[str, np.ndarray]:
    """What `read_ctranslate2` returns, of the file's bytes."""
    file = Reader(data)
    (version,) = file.numbers("I")
    require(version == VERSION, f"it is of version {version} of CTranslate2's format, and {VERSION} is read.")
    found = file.name()
    require(found == kind, f"it holds a {found[:100]!r}, and a {kind!r} is wanted.")
    _revision, count = file.numbers("II")
    tensors: dict[str, np.ndarray] = {}
    for _ in range(count):  # each takes bytes of the file, so a lie ends where they do
        name = file.name()
        require(name not in tensors, f"it has two tensors called {name[:100]!r}.")
        tensors[name] = file.tensor(name)
    (count,) = file.numbers("I")
    for _ in range(count):
        alias, name = file.name(), file.name()
        require(name in tensors and alias not in tensors, f"{alias[:100]!r} is to be another name of nothing.")
        tensors[alias] = tensors[name]
    require(file.place == len(data), "something stands behind its end; get it again.")
    return tensors


class Reader:
    """The bytes of a file, read from the front; none beyond its end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, count: int) -> int:
        """Where the next `count` bytes begin, which are passed by."""
        require(count <= len(self.data) - self.place, "it is cut short; get it again.")
        start, self.place = self.place, self.place + count
        return start

    def numbers(self, layout: str) -> tuple[int, ...]:
        """Whole numbers, as `struct` writes their types."""
        start = self.take(struct.calcsize(f"<{layout}"))
        return struct.unpack_from(f"<{layout}", self.data, start)

    def name(self) -> str:
        """A name; what is no UTF-8 in it is replaced."""
        (length,) = self.numbers("H")
        start = self.take(length)
        return self.data[start : self.place].rstrip(b"\0").decode("utf-8", "replace")

    def tensor(self, name: str) -> np.ndarray:
        """A tensor, without its name."""
        (rank,) = self.numbers("B")
        require(rank <= MAX_RANK, f"its tensor {name[:100]!r} has {rank} axes.")
        sides = self.numbers(f"{rank}I")
        kind, size = self.numbers("BI")
        require(kind in DTYPES, f"its tensor {name[:100]!r} is of a type that nobody knows, {kind}.")
        dtype = np.dtype(DTYPES[kind])
        count = math.prod(sides)
        fits = max(sides, default=0) < MAX_SIDE and count * dtype.itemsize == size
        require(fits, f"its tensor {name[:100]!r} does not have the bytes that its sides ask for; get it again.")
        return np.frombuffer(self.data, dtype, count, self.take(size)).reshape(sides)
