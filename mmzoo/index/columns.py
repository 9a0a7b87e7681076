"""What a segment is written of: the vectors of some records, and what is shown of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import require
from mmzoo.files import writing
from mmzoo.files.safetensors import header_of

DTYPES = ("float16", "int8")
"""What vectors may be kept in: float16 takes 2 bytes a number, int8 one, and 4 bytes a vector for its scale."""
LEAST_NORM = 1e-6
MAX_SHOWN = 2**16
"""Bytes of what is shown of one record, but for its files."""
MAX_TEXT = 1000


@dataclass
class Entry:
    """A record that is to be put into an index.

    Args:
        id: its name.
        vectors: of some of the inputs, float (dim,) each.
        shown: of some of the inputs what is shown of them: `{"text": ...}` or `{"path": ...}`.
        files: of some of the inputs a small picture or a short sound, as the bytes of a JPEG or a WAV.
    """

    id: str
    vectors: Mapping[str, np.ndarray]
    shown: dict[str, dict[str, str]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Columns:
    """What a segment is written of; see `Segment`.

    Args:
        blobs: "ids", "shown" and "files": the length of each piece, and all pieces, one after the other.
    """

    vectors: np.ndarray
    scales: np.ndarray | None
    record: np.ndarray
    input: np.ndarray
    blobs: Mapping[str, tuple[np.ndarray, np.ndarray]]

    @property
    def records(self) -> int:
        return len(self.blobs["ids"][0])

    @property
    def bytes(self) -> int:
        """What it takes in memory."""
        arrays = [self.vectors, self.record, self.input, *(each for pair in self.blobs.values() for each in pair)]
        return sum(array.nbytes for array in arrays) + (0 if self.scales is None else self.scales.nbytes)

    @classmethod
    def of(cls, entries: Sequence[Entry], inputs: Sequence[str], dim: int, dtype: str) -> Columns:
        """Of records.

        Args:
            inputs: the names of the index's inputs.
            dtype: one of `DTYPES`.

        Raises:
            MMZooError: a record has no vector, or one that is not of `dim` finite numbers or all zero.
        """
        places = {name: place for place, name in enumerate(inputs)}
        vectors, record, which = [], [], []
        for number, entry in enumerate(entries):
            named = f"of record '{entry.id}'"
            require(entry.vectors, f"There is no vector {named}; leave it out.")
            for name in sorted(entry.vectors, key=places.__getitem__):
                vectors.append(unit(entry.vectors[name], dim, f"The vector of '{name}' {named}"))
                record.append(number)
                which.append(places[name])
        kept, scales = narrowed(np.array(vectors, np.float32).reshape(-1, dim), dtype)
        pieces = {
            "ids": [entry.id.encode("utf-8", "replace") for entry in entries],
            "shown": [shown_bytes(entry.shown) for entry in entries],
            "files": [entry.files.get(name, b"") for entry in entries for name in inputs],
        }
        blobs = {
            name: (np.array([*map(len, parts)], np.int64), np.frombuffer(b"".join(parts), np.uint8))
            for name, parts in pieces.items()
        }
        return cls(kept, scales, np.array(record, np.int32), np.array(which, np.uint8), blobs)

    @classmethod
    def joined(cls, parts: Sequence[Columns]) -> Columns:
        """Those of several segments, one after the other."""
        firsts = np.cumsum([0, *(part.records for part in parts)])
        scales = [part.scales for part in parts if part.scales is not None]
        return cls(
            np.concatenate([part.vectors for part in parts]),
            np.concatenate(scales) if scales else None,
            np.concatenate([part.record + first for part, first in zip(parts, firsts, strict=False)]).astype(np.int32),
            np.concatenate([part.input for part in parts]),
            {
                name: (
                    np.concatenate([part.blobs[name][0] for part in parts]),
                    np.concatenate([part.blobs[name][1] for part in parts]),
                )
                for name in parts[0].blobs
            },
        )

    def write(self, path: Path, **others: np.ndarray) -> None:
        """Write a segment, whole or not at all.

        Args:
            others: bytes that stand in it beside.

        Raises:
            MMZooError: the disk is full, or the folder cannot be written.
        """
        # The widest first, see `header_of`.
        arrays: dict[str, np.ndarray] = {f"{name}_ends": np.cumsum(each[0]) for name, each in self.blobs.items()}
        arrays |= {} if self.scales is None else {"scales": self.scales}
        arrays |= {"records": self.record, "vectors": self.vectors, "inputs": self.input}
        arrays |= {name: each[1] for name, each in self.blobs.items()} | others
        with writing(path) as file:
            file.write(header_of(arrays))
            for array in arrays.values():
                file.write(np.ascontiguousarray(array).data)


def unit(vector: Raw, dim: int, what: str) -> np.ndarray:
    """A vector of length 1, float32 (dim,).

    Raises:
        MMZooError: it has another number of numbers, one that is not finite, or none but zeros.
    """
    found = np.asarray(vector, np.float32)
    require(found.shape == (dim,), f"{what} must have {dim} numbers, not the shape {found.shape}; ask the same model.")
    require(np.isfinite(found).all(), f"{what} has numbers that are not finite; leave the record out, or train again.")
    norm = float(np.linalg.norm(found))
    require(norm > LEAST_NORM, f"{what} is zero and points nowhere; leave the record out, or train again.")
    return np.asarray(found / norm)


def narrowed(vectors: np.ndarray, dtype: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Vectors as they are kept, and the scales of int8."""
    require(dtype in DTYPES, f"Vectors are kept as {' or '.join(DTYPES)}, not '{dtype}'.")
    if dtype == "float16":
        return vectors.astype(np.float16), None
    scales = np.maximum(np.abs(vectors).max(axis=1, initial=0.0), LEAST_NORM).astype(np.float32) / 127
    return np.rint(vectors / scales[:, None]).astype(np.int8), scales


def shown_bytes(shown: Mapping[str, Mapping[str, str]]) -> bytes:
    """What is shown of a record as JSON; long texts are cut."""
    cut = {
        name: {key: value if key == "path" else value[:MAX_TEXT] for key, value in each.items()}
        for name, each in shown.items()
    }
    data = json.dumps(cut, ensure_ascii=False).encode("utf-8", "replace")
    require(len(data) <= MAX_SHOWN, f"What is shown of a record takes {len(data)} bytes, over {MAX_SHOWN}; shorten it.")
    return data
