"""Records that come one after another, out of a `tf.data.Dataset` of dicts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.aliases import Raw, Tensor, Untyped
from mmzoo.data.lazy.columns import Column
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError, require

if TYPE_CHECKING:
    import tensorflow as tf

MEMORY = 4_000_000_000  # bytes of values, encoded, that a stream may take in memory


class Cursor:
    """The elements of a dataset by their number. The next one is there at once, an earlier one is read up to anew.

    Args:
        dataset: yields a dict an element, in the same order every time.
        convert: of each column, what its value is made into.
    """

    def __init__(self, dataset: tf.data.Dataset, convert: dict[str, Callable[[Tensor], Raw]]) -> None:
        self.dataset, self.convert = dataset, convert
        self.place = -1
        self.element: dict[str, Tensor] = {}
        self.rest: Iterator[dict[str, Tensor]] = iter(())
        self.lock = threading.Lock()

    def read(self, column: str, number: int) -> Raw:
        """The value of one column."""
        with self.lock:
            if number != self.place:
                if number != self.place + 1 or number == 0:
                    self.rest = self.dataset.skip(number).as_numpy_iterator()
                self.element, self.place = next(self.rest), number
            return self.convert[column](self.element[column])


def stream(dataset: tf.data.Dataset, convert: dict[str, Callable[[Tensor], Raw]], name: str) -> Records:
    """Records of which none is in memory, for one way through them from the first to the last.

    Args:
        dataset, convert: see `Cursor`.
        name: of the dataset; a record is called by it and its number.
    """
    count = int(dataset.cardinality())
    require(count != -1, f"The dataset '{name}' never ends; give it an end: dataset.take(10_000).")
    if count < 0:  # it does not know
        count = sum(1 for _ in dataset)
    cursor = Cursor(dataset, convert)
    rows, there = np.arange(count), np.ones(count, bool)
    columns = {key: Column(partial(cursor.read, key), rows, there) for key in convert}
    return Records(columns, [f"{name}-{k}" for k in range(count)])


def in_memory(records: Records, name: str, memory: int = MEMORY) -> Records:
    """A stream, read once from its beginning to its end.

    Raises:
        MMZooError: its values take more than `memory` bytes.
    """
    columns: dict[str, list[Raw]] = {key: [] for key in records.columns}
    for record in records:
        for key, value in record.items():
            columns[key].append(value)
            memory -= size_of(value)
        if memory < 0:
            raise MMZooError(
                f"The values of '{name}' do not fit in the memory that they may take; write them as shards and use "
                "those (mmzoo data shard), or give more: memory=..."
            )
    return Records(columns, records.ids)


def size_of(value: Raw) -> int:
    """About how many bytes a value takes."""
    return int(value.nbytes) if isinstance(value, np.ndarray) else len(value) if isinstance(value, (bytes, str)) else 32


def from_dataset(dataset: tf.data.Dataset, *, memory: int = MEMORY) -> Records:
    """The records of a `tf.data.Dataset` whose elements are dicts, not batched, as they come.

    A scalar string becomes text, or bytes where it is no UTF-8 (an encoded picture or sound); another scalar a number;
    everything else an array.

    Args:
        memory: bytes that the values may take.

    Raises:
        MMZooError: its elements are no dicts, it never ends, or it does not fit.
    """
    spec: Untyped = getattr(dataset, "element_spec", None)
    require(
        isinstance(spec, dict) and all(hasattr(part, "dtype") and hasattr(part, "shape") for part in spec.values()),
        "The elements of a dataset must be dicts of tensors by the names of columns; map it to such.",
    )
    return in_memory(stream(dataset, dict.fromkeys(spec, plain_value), "dataset"), "dataset", memory)


def plain_value(value: Raw) -> Raw:
    """An element's value as a record has it."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value
    value = np.asarray(value)
    if value.dtype == object:
        return [plain_value(each) for each in value.ravel()]
    return value.item() if value.ndim == 0 else value
