"""Writing shards: whatever is killed while it writes goes on where it was, and ends with the same bytes.

A shard is written beside, flushed and renamed, then its index; only what has an index counts as written. What is in a
shard depends on the records and the limit alone, so a shard that was begun is begun again and all others are kept.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mmzoo.data.packing import pack
from mmzoo.data.records import Records
from mmzoo.data.shards import FORMAT, INDEX, is_shards, read_index
from mmzoo.data.sources import Source
from mmzoo.data.table import ENDINGS
from mmzoo.data.tfrecord import framed
from mmzoo.errors import DataError, MMZooError, check_number, require
from mmzoo.files import flush_folder, write_file

SIZE = 100_000_000  # bytes of a shard: large enough for a disk to read at full speed, small enough to copy again
AHEAD = 64  # records read at once, by threads: a file on a network's disk is waited for, not worked on


def write_shards(
    source: Source, out: str | Path, *, size: int | None = None, records_per_shard: int | None = None
) -> dict[str, Any]:
    """Write the records of a source as shards into a folder, and return the folder's index.

    Run again after it was stopped, by whatever, it goes on after the last finished shard.

    Args:
        out: a folder; it is made, or has the beginning of the same shards.
        size: bytes after which a shard ends; 100 MB, if neither is given.
        records_per_shard: in its place, the number of records.

    Raises:
        MMZooError: a record cannot be read or stored (named), the folder holds something else, or the disk is full.
    """
    require(size is None or records_per_shard is None, "Give the size of a shard or its number of records, not both.")
    check_number("The size of a shard", size or SIZE, 1, 2**40, whole=True)
    if records_per_shard is not None:
        check_number("The number of records in a shard", records_per_shard, 1, 2**31, whole=True)
    out = Path(out)
    limit = {"records": records_per_shard} if records_per_shard is not None else {"bytes": size or SIZE}
    kinds = dict(source.kinds)
    if kinds.get(source.label) in ENDINGS:
        kinds[source.label] = "ignore"  # a label that is an array of numbers is no sound
    plan = {"format": FORMAT, "source": source.name, "label": source.label, "kinds": kinds, "limit": limit}
    begin(out, plan)
    total = sum(len(records) for records in source.splits.values())
    written: dict[str, list[dict[str, Any]]] = {}
    with tqdm(total=total, desc="shards", unit="record", disable=None, leave=False) as bar:
        try:
            for split, records in source.splits.items():
                written[split] = write_split(records, split, kinds, out, limit, bar)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("stopped; the same command goes on after the last finished shard") from None
        except OSError as error:
            raise MMZooError(
                f"Shards could not be written to '{out}' ({error.strerror}); free some space, then the same command "
                "goes on."
            ) from error
    about = {**plan, "done": True, "splits": written}
    write_file(out / INDEX, to_json(about))
    return about


def begin(out: Path, plan: dict[str, Any]) -> None:
    """Make the folder and leave the plan in it, or check that what is there follows the same plan."""
    if is_shards(out):
        there = read_index(out)
        other = [key for key, value in plan.items() if there.get(key) != value]
        require(
            not other,
            f"'{out}' holds shards with another {' and '.join(other)}; give another folder, or remove it.",
        )
        return
    require(not out.exists() or not any(out.iterdir()), f"'{out}' is not empty and has no shards; give another folder.")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MMZooError(f"The folder '{out}' cannot be made ({error.strerror}); give another.") from error
    write_file(out / INDEX, to_json({**plan, "done": False, "splits": {}}))


def write_split(
    records: Records, split: str, kinds: dict[str, str], out: Path, limit: dict[str, int], bar: Any
) -> list[dict[str, Any]]:
    """The shards of one split that are not written yet; the facts of all of them."""
    shards: list[dict[str, Any]] = []
    first = 0
    while (found := finished(out, split, len(shards))) is not None:
        facts, names = found
        require(
            list(records.ids[first : first + len(names)]) == names,
            f"'{out / facts['file']}' has other records than the source now; give another folder, or remove it.",
        )
        shards.append(facts)
        first += len(names)
    bar.update(first)
    packed = packed_ahead(records, kinds, first)
    while first < len(records):
        facts = write_shard(packed, out / shard_name(split, len(shards)), limit, bar)
        shards.append(facts)
        first += facts["records"]
    return shards


def shard_name(split: str, number: int) -> str:
    """The file name of a shard."""
    return f"{split}-{number:05d}.tfrecord"


def finished(out: Path, split: str, number: int) -> tuple[dict[str, Any], list[str]] | None:
    """The facts and the records' names of a shard; None if it is not written."""
    path = out / shard_name(split, number)
    try:
        data = path.with_suffix(".json").read_bytes()
        index = json.loads(data)
        if path.stat().st_size == index["bytes"]:
            return facts_of(path, index, data), index["ids"]
    except (OSError, ValueError, KeyError):
        pass
    return None


def facts_of(path: Path, index: dict[str, Any], data: bytes) -> dict[str, Any]:
    """What the folder's index says of a shard, from its own index and that index's bytes."""
    return {
        "file": path.name,
        "records": len(index["ids"]),
        "bytes": index["bytes"],
        "sha256": index["sha256"],
        "index_sha256": hashlib.sha256(data).hexdigest(),
    }


def packed_ahead(records: Records, kinds: dict[str, str], first: int) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Name, serialized Example and index entry of each record from `first` on."""

    def packed(row: tuple[str, dict[str, Any]]) -> tuple[str, bytes, dict[str, Any]]:
        name, record = row
        try:
            return name, *pack(name, {column: record[column] for column in kinds}, kinds)
        except MMZooError as error:
            cause = error.cause if isinstance(error, DataError) else "other"
            raise DataError(f"Record '{name}': {error}", cause) from error

    rows = records.rows(first)
    with ThreadPoolExecutor(8) as pool:
        while some := list(islice(rows, AHEAD)):
            yield from pool.map(packed, some)


def write_shard(packed: Iterator[Any], path: Path, limit: dict[str, int], bar: Any) -> dict[str, Any]:
    """Write one shard and its index, up to the limit; its facts."""
    beside = path.with_name(path.name + ".new")
    digest = hashlib.sha256()
    offsets, ids = [0], []
    columns: dict[str, list[Any]] = {}
    try:
        with open(beside, "wb") as file:
            for name, data, entry in packed:
                frame = framed(data)
                file.write(frame)
                digest.update(frame)
                offsets.append(offsets[-1] + len(frame))
                ids.append(name)
                for column, value in entry.items():
                    columns.setdefault(column, []).append(value)
                bar.update()
                if len(ids) >= limit.get("records", 2**62) or offsets[-1] >= limit.get("bytes", 2**62):
                    break
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    flush_folder(path.parent)
    index = {"bytes": offsets[-1], "sha256": digest.hexdigest(), "offsets": offsets, "ids": ids, "columns": columns}
    data = to_json(index)
    write_file(path.with_suffix(".json"), data)
    return facts_of(path, index, data)


def to_json(value: Any) -> bytes:
    """JSON, the same bytes for the same value."""
    return json.dumps(value, separators=(",", ":")).encode()
