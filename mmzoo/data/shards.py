"""Reading shards: TFRecord files with an index, so that any record of any shard can be read at once.

A folder of shards has `index.json` (what the columns are; every shard with its records, bytes and SHA-256, by split),
and for each shard `train-00000.tfrecord` and `train-00000.json`: its records' names and offsets, and every value that
is no picture, sound, video or sensor file. So labels are read without pictures, and any order of records across all
shards, and any part of them for a worker, is a list of positions. `mmzoo.data.packing` says how a record is stored.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmzoo.data.packing import unpacked_media
from mmzoo.data.table import ENDINGS, Table
from mmzoo.data.tfrecord import read_framed
from mmzoo.errors import MMZooError, require
from mmzoo.stored import Stored

INDEX = "index.json"
FORMAT = 1


@dataclass
class Shard:
    """One TFRecord file; `offsets` has the byte at which each record begins, and at the end the file's size."""

    path: Path
    offsets: Sequence[int]
    last: threading.local = field(default_factory=threading.local, repr=False)

    def example(self, row: int) -> Any:
        """The record at `row` as a `tf.train.Example`. The last of each thread is kept: its values are read in turn.

        Raises:
            DataError: it is cut short or damaged; names the shard and the offset.
        """
        if getattr(self.last, "row", None) != row:
            import tensorflow as tf

            data = read_framed(self.path, self.offsets[row], self.offsets[row + 1])
            self.last.example, self.last.row = tf.train.Example.FromString(data), row
        return self.last.example


@dataclass(frozen=True)
class ShardValue(Stored):
    """A picture, sound, video or sensor value of one record."""

    shard: Shard
    row: int
    column: str
    record: str

    def read(self) -> Any:
        """Bytes, an array, or (waveform, rate)."""
        return unpacked_media(self.shard.example(self.row), self.column)

    def __str__(self) -> str:
        return f"{self.record}/{self.column}"


def is_shards(path: str | Path) -> bool:
    """Is this a folder of shards, finished or not?"""
    return (Path(path) / INDEX).is_file()


def read_shards(folder: str | Path) -> Table:
    """The records of all shards in a folder, in order; a column `split` says which split each is of, if they are split.

    Nothing but the indexes is read: pictures, sounds, videos and sensor values are `Stored`.

    Raises:
        MMZooError: the folder has no shards, they are not finished, or a shard is missing, cut short or has a
            damaged index; names the shard, and the offset at which it is cut.
    """
    folder = Path(folder)
    about = read_index(folder)
    require(
        about["done"],
        f"The shards in '{folder}' are not finished; run the mmzoo shard command that began them again.",
    )
    kinds: dict[str, str] = about["kinds"]
    columns: dict[str, list[Any]] = {column: [] for column in kinds}
    ids: list[str] = []
    splits: list[str] = []
    for split, shards in about["splits"].items():
        for facts in shards:
            path = folder / facts["file"]
            index = read_shard_index(path, facts["index_sha256"])
            check_size(path, index)
            shard, names = Shard(path, index["offsets"]), index["ids"]
            for column, kind in kinds.items():
                values = index["columns"][column]
                if kind in ENDINGS:
                    places = zip(values, range(len(names)), names, strict=True)
                    values = [None if size is None else ShardValue(shard, k, column, name) for size, k, name in places]
                columns[column] += values
            ids += names
            splits += [split] * len(names)
    require(ids, f"The shards in '{folder}' hold no records; write them again with mmzoo shard.")
    if set(about["splits"]) != {"all"}:
        columns["split"] = splits
        kinds = {**kinds, "split": "category"}
    return Table(columns, ids, kinds)


def read_index(folder: Path) -> dict[str, Any]:
    """`index.json`: `format`, `done`, `source`, `label`, `kinds`, `limit` and `splits`."""
    try:
        about = json.loads((folder / INDEX).read_bytes())
    except FileNotFoundError:
        raise MMZooError(f"'{folder}' has no shards; write them with: mmzoo shard SOURCE {folder}") from None
    except (OSError, ValueError) as error:
        raise MMZooError(
            f"The index '{folder / INDEX}' is damaged; write the shards again with mmzoo shard."
        ) from error
    version = about.get("format") if isinstance(about, dict) else None
    require(version == FORMAT, f"The shards in '{folder}' are of format {version!r}; this mmzoo reads {FORMAT}.")
    return about  # type: ignore[no-any-return]


def read_shard_index(path: Path, sha256: str) -> dict[str, Any]:
    """A shard's own index, which must have that SHA-256: `bytes`, `sha256`, `offsets`, `ids` and `columns`."""
    place = path.with_suffix(".json")
    try:
        data = place.read_bytes()
    except OSError as error:
        raise MMZooError(f"The index '{place}' cannot be read ({error.strerror}); copy it again.") from None
    require(
        hashlib.sha256(data).hexdigest() == sha256,
        f"The index '{place}' is damaged: its SHA-256 is not what '{INDEX}' says; copy it again.",
    )
    return json.loads(data)  # type: ignore[no-any-return]


def check_size(path: Path, index: dict[str, Any]) -> None:
    """Raise unless the shard has as many bytes as its index says; names the first record that is not whole."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise MMZooError(f"The shard '{path}' cannot be read ({error.strerror}); copy it again.") from None
    if size == index["bytes"]:
        return
    whole = sum(end <= size for end in index["offsets"][1:])
    where = f"after {whole} of {len(index['ids'])} records, at byte {index['offsets'][whole]}"
    raise MMZooError(
        f"The shard '{path}' has {size} bytes and not {index['bytes']}: it is "
        f"{f'cut {where}' if size < index['bytes'] else 'longer than it was'}; copy it again."
    )
