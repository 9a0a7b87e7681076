"""A safetensors file from a stranger: its header is proven before anything is allocated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from mmzoo.aliases import Tensor
from mmzoo.errors import MMZooError, require
from mmzoo.files.safetensors import SIZES, places
from mmzoo.weights.reading import FileFacts, plain_size, read_start, read_whole

Layout = dict[str, tuple[str, tuple[int, ...]]]
"""Type and shape of each tensor by its name."""


WIDER = {"float16": "float32"}
"""Types of numbers in a file that are read as others: weights whose numbers fit into 16 bits are kept in these."""


class TensorFile:
    """A safetensors file of which only the header was read.

    layout: what is read from it.
    bytes: how much that is.

    Raises:
        MMZooError: the header is not exactly that of a file of this length.
    """

    def __init__(self, path: Path, facts: FileFacts) -> None:
        self.path, self.facts = path, facts
        size = plain_size(path)
        require(
            size == facts["bytes"], f"'{path}' has {size} bytes, but its card says {facts['bytes']}; copy it again."
        )
        found = places(f"'{path}'", partial(read_start, path), size, "copy the model again")
        self.layout: Layout = {
            name: (WIDER.get(place.dtype, place.dtype), place.shape) for name, place in found.items()
        }
        self.bytes = sum(math.prod(shape) * SIZES[dtype] for dtype, shape in self.layout.values())

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
        return {name: array.astype(WIDER.get(array.dtype.name, array.dtype)) for name, array in arrays.items()}


def layout_of(tensors: Mapping[str, Tensor]) -> Layout:
    """The layout of arrays, of Keras variables, or of what else has a dtype and a shape."""
    return {name: (str(np.dtype(each.dtype)), tuple(each.shape)) for name, each in tensors.items()}
