"""Decoded examples that need not be in memory."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmzoo.data.lazy.columns import given
from mmzoo.data.lazy.threads import in_threads
from mmzoo.errors import DataError, MMZooError
from mmzoo.messages.truncation import count_truncations
from mmzoo.modalities.base import Modality

ALIGNMENT = 64  # bytes: EIGEN_MAX_ALIGN_BYTES of TensorFlow's builds
LOOKED_AT = 256  # examples, by which it is known whether their features can be rounded
COARSE = 0.05  # of the deviation of a feature, that rounding may change
KEPT = 8  # batches whose memory is kept: about as many as are on their way


class Examples:
    """The examples of one input: an array (N, *shape) whose rows are decoded whenever they are asked for.

    A value of None is zeros.

    Raises:
        DataError: on access; a value cannot be decoded; names the record.
    """

    def __init__(self, item: Modality, values: Sequence[object], ids: Sequence[str]) -> None:
        self.item, self.values, self.ids = item, values, ids
        self.there = given(values)
        self.shape = (len(values), *item.shape)
        self.dtype = np.dtype(item.dtype)
        self.memory = Memory()
        self.told_of_cuts = False

    def __len__(self) -> int:
        return len(self.values)

    @property
    def nbytes(self) -> int:
        """What all of them would take in memory."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        chosen = np.arange(len(self))[rows] if isinstance(rows, slice) else rows
        out = self.memory.array((len(chosen), *self.item.shape), self.dtype)
        # Said of the first rows that are cut, and not again for each batch.
        with count_truncations(self.item.name, self.item.kind, len(chosen), told=self.told_of_cuts) as found:
            for place, row in enumerate(chosen.tolist()):
                self._fill(out[place], row)
        self.told_of_cuts |= bool(found.lengths)
        return out

    def whole(self) -> np.ndarray:
        """All of them, decoded on all cores, with a bar."""
        out = np.zeros(self.shape, self.dtype)
        rows = np.flatnonzero(self.there).tolist()
        with count_truncations(self.item.name, self.item.kind, len(rows)):
            in_threads(lambda row: self._fill(out[row], row), rows, f"reading {self.item.name}")
        return out

    def _fill(self, out: np.ndarray, row: int) -> None:
        if not self.there[row]:
            out.fill(0)
            return
        try:
            value = self.values[row]
            if isinstance(value, DataError):
                raise value
            self.item.decode_into(out, value)
        except MMZooError as error:
            cause = error.cause if isinstance(error, DataError) else "other"
            raise DataError(f"Record '{self.ids[row]}': {error}", cause) from error


@dataclass(frozen=True)
class Held:
    """The examples of one input that are in memory, an array (N, *shape) as they were decoded."""

    item: Modality
    array: np.ndarray


class Half(np.ndarray):
    """float32 numbers, kept as float16 for half of the memory: to be given back as float32."""

    @classmethod
    def of(cls, array: np.ndarray) -> np.ndarray:
        """The same numbers (N, ..., C), rounded to 11 bits; as they are where that would lose something.

        That is where one is larger than float16 has, or where the deviation of one of the last axis is not twenty
        times as wide as the rounding (a pressure of 101,300 with a deviation of 500).
        """
        if not array.size or np.abs(array).max() > np.finfo(np.float16).max:
            return array.view(cls)
        some = array[np.linspace(0, len(array) - 1, min(len(array), LOOKED_AT)).astype(int)].reshape(
            -1, array.shape[-1]
        )
        lost = np.abs(some - some.astype(np.float16)).max(axis=0)
        coarse = (np.ptp(some, axis=0) > 0) & (lost > COARSE * some.std(axis=0))
        return array.view(cls) if coarse.any() else array.astype(np.float16).view(cls)

    def whole(self) -> np.ndarray:
        """As float32."""
        return np.asarray(self).astype(np.float32)


class Memory:
    """Memory of batches that is taken again as soon as nobody holds the array that was in it: new pages cost time."""

    def __init__(self) -> None:
        self.blocks: list[np.ndarray] = []
        (self.unread,) = references([np.empty(0)])
        self.lock = threading.Lock()

    def array(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """An array, not filled, that begins where TensorFlow takes it as its own; it copies what begins elsewhere."""
        size = int(np.prod(shape)) * dtype.itemsize
        with self.lock:
            # Whatever reads a block, a part of the array or a tensor that shares it, holds a reference to it.
            free = [k for k, count in enumerate(references(self.blocks)) if count == self.unread]
            block = next((self.blocks[k] for k in free if len(self.blocks[k]) == size + ALIGNMENT), None)
            if block is None:
                block = np.empty(size + ALIGNMENT, np.uint8)
                self.blocks = [*self.blocks[1 - KEPT :], block]
            start = -block.ctypes.data % ALIGNMENT
            return block[start : start + size].view(dtype).reshape(shape)


def references(blocks: list[np.ndarray]) -> list[int]:
    """How many hold each of them, the list and who counts among these."""
    return [sys.getrefcount(block) for block in blocks]
