"""A segment: the vectors of some records and what is shown of them, in one safetensors file that is mapped."""

from __future__ import annotations

import mmap
import os
from collections.abc import Container, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from mmzoo.errors import MMZooError, require
from mmzoo.files import open_plain
from mmzoo.files.limits import parse_json
from mmzoo.files.safetensors import Place, places
from mmzoo.index.columns import MAX_SHOWN, Columns

AGAIN = "build the index again"


def opened(path: Path, *, links: bool) -> tuple[mmap.mmap | bytes, dict[str, Place]]:
    """A safetensors file, mapped, and where its tensors are.

    Raises:
        MMZooError: it cannot be read, or its header is wrong.
        FileNotFoundError: it is missing.
    """
    try:
        file, size = open_plain(path, links=links)
        try:
            data = mmap.mmap(file, size, access=mmap.ACCESS_READ) if size else b""
        finally:
            os.close(file)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise MMZooError(f"'{path}' cannot be read ({said}); {AGAIN}.") from None
    return data, places(f"'{path}'", lambda count: bytes(data[:count]), size, AGAIN)


class Segment:
    """A segment that somebody may have made up: nothing in it is believed before it was looked at.

    vectors: float16 or int8 (R, dim), one a row, each of one input of one record.
    scales: float32 (R,), what int8 is to be multiplied by; None of float16.
    record: which of the segment's records each row is of, int32 (R,), in order.
    input: which of the index's inputs, uint8 (R,).

    Args:
        path: the file.
        inputs: how many inputs the index has.
        links: may the path be a link? That of a user may, what lies in an index may not.
        beside: what else the file may hold.

    Raises:
        MMZooError: it is not what `Columns.write` writes.
        FileNotFoundError: it is missing.
    """

    def __init__(self, path: Path, inputs: int, dim: int, *, links: bool = False, beside: Container[str] = ()) -> None:
        self.path, self.name, self._inputs = path, path.stem, inputs
        data, found = opened(path, links=links)
        self.bytes = len(data)

        def array(name: str) -> np.ndarray:
            self._check(name in found, f"it has no '{name}'")
            place = found[name]
            self._check(len(place.shape) == (2 if name == "vectors" else 1), f"'{name}' has another shape")
            count = int(np.prod(place.shape, dtype=np.int64))
            return np.frombuffer(data, place.dtype, count, place.start).reshape(place.shape)

        self.vectors, self.record, self.input = array("vectors"), array("records"), array("inputs")
        self.scales = array("scales") if "scales" in found else None
        self._ends = {name: array(f"{name}_ends") for name in ("ids", "shown", "files")}
        self._blobs = {name: array(name) for name in self._ends}
        rows, records = len(self.record), len(self._ends["ids"])
        kinds = {"vectors": ("float16",) if self.scales is None else ("int8",), "records": ("int32",)}
        kinds |= {"inputs": ("uint8",), "scales": ("float32",), **dict.fromkeys(self._blobs, ("uint8",))}
        found = {name: place for name, place in found.items() if name not in beside}
        for name, place in found.items():
            self._check(place.dtype in kinds.get(name, ("int64",)), f"'{name}' is {place.dtype}")
        shapes = {"vectors": (rows, dim), "inputs": (rows,), "records": (rows,), "scales": (rows,)}
        shapes |= {"ids_ends": (records,), "shown_ends": (records,), "files_ends": (records * inputs,)}
        shapes |= {name: (len(blob),) for name, blob in self._blobs.items()}
        self._check(found.keys() <= shapes.keys(), "it has something else")
        for name in found:
            self._check(found[name].shape == shapes[name], f"'{name}' has another shape")
        ordered = rows == 0 or (bool((np.diff(self.record) >= 0).all()) and 0 <= self.record[0] <= self.record[-1])
        self._check(ordered and (not rows or self.record[-1] < records), "its rows are of records that it has not")
        self._check(not rows or self.input.max() < inputs, "its rows are of inputs that the index has not")
        for name, ends in self._ends.items():
            rising = (np.diff(ends, prepend=0) >= 0).all()
            whole = rising and (ends[-1] if len(ends) else 0) == len(self._blobs[name])
            self._check(whole, f"'{name}' is not as long as it says")

    def __len__(self) -> int:
        """How many records it has, those that were removed included."""
        return len(self._ends["ids"])

    def _check(self, condition: object, message: str) -> None:
        require(condition, f"'{self.path}' is not a segment that mmzoo writes: {message}; {AGAIN}.")

    def _slice(self, name: str, place: int) -> bytes:
        ends = self._ends[name]
        return self._blobs[name][ends[place - 1] if place else 0 : ends[place]].tobytes()

    @cached_property
    def floats(self) -> np.ndarray:
        """All vectors as float32 (R, dim), which stay in memory."""
        return as_float(self, slice(None))

    @cached_property
    def ids(self) -> list[str]:
        """The names of all records."""
        blob, ends = self._blobs["ids"].tobytes(), [0, *self._ends["ids"].tolist()]
        return [blob[a:b].decode("utf-8", "replace") for a, b in pairwise(ends)]

    def id(self, record: int) -> str:
        """The name of one record."""
        return self._slice("ids", record).decode("utf-8", "replace")

    def shown(self, record: int, inputs: Sequence[str]) -> dict[str, dict[str, str]]:
        """What is shown of a record, by input: `text` or `path`.

        Args:
            inputs: the names of the index's inputs.
        """
        ends = self._ends["shown"]
        self._check(ends[record] - (ends[record - 1] if record else 0) <= MAX_SHOWN, "it shows too much of a record")
        found = parse_json(f"What is shown of a record in '{self.path}'", self._slice("shown", record), AGAIN)
        plain = isinstance(found, dict) and all(
            name in inputs
            and isinstance(each, dict)
            and len(each) == 1
            and each.keys() <= {"text", "path"}
            and all(isinstance(value, str) for value in each.values())
            for name, each in found.items()
        )
        self._check(plain, "what it shows of a record is neither a text nor a path")
        assert isinstance(found, dict)
        return found

    def file(self, record: int, place: int) -> bytes:
        """The small picture or the short sound of a record's input; empty where there is none."""
        return self._slice("files", record * self._inputs + place)

    def columns(self, kept: np.ndarray) -> Columns:
        """What it holds of some of its records, for another segment.

        Args:
            kept: which, bool (N,).
        """
        rows = kept[self.record]
        numbers = np.cumsum(kept, dtype=np.int32) - 1
        blobs = {}
        for name, ends in self._ends.items():
            lengths = np.diff(ends, prepend=0)
            chosen = np.repeat(kept, len(lengths) // max(len(kept), 1))
            blobs[name] = lengths[chosen], self._blobs[name][np.repeat(chosen, lengths)]
        scales = None if self.scales is None else self.scales[rows]
        return Columns(self.vectors[rows], scales, numbers[self.record[rows]], self.input[rows], blobs)


def as_float(segment: Segment, rows: slice | np.ndarray) -> np.ndarray:
    """Some vectors as float32 (K, dim)."""
    vectors = segment.vectors[rows].astype(np.float32)
    return vectors if segment.scales is None else vectors * segment.scales[rows, None]
