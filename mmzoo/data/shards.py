"""Shards: records of many files in a few TFRecord files, with an index by which any record is read at once.

A folder of `shard-00000.tfrecord` ..., each with a `.json` beside it: where its records lie, which columns they have,
and all that is not a file or a text; and `index.json`, the kinds of the columns and the SHA-256 of every shard. A
record is a `tf.train.Example` of bytes (files as they were, texts in UTF-8), so that other programs read it too.
Because any record can be read at once, the order of training goes across all shards and every worker reads only its
own part of each batch.
"""

from __future__ import annotations

import hashlib
import io
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from mmzoo.data.columns import Column
from mmzoo.data.faults import Faults
from mmzoo.data.kinds import ENDINGS
from mmzoo.data.packing import FOOT, HEAD, example, framed, raw
from mmzoo.data.records import is_missing
from mmzoo.data.sources import Source
from mmzoo.data.table import Table
from mmzoo.errors import DataError, MMZooError, check_number, require, require_data
from mmzoo.files import write_file
from mmzoo.modalities.base import read_bytes

FORMAT = 1
INDEX = "index.json"
STORED = (*ENDINGS, "text")  # kinds whose values are in the shards; the others are in the index
SIZE = 100_000_000  # bytes of a shard: enough for a disk to read at full speed, little enough to hold


def write_shards(
    source: Source, folder: Path, *, records: int = 1024, size: int = SIZE, faults: Faults | None = None
) -> int:
    """Write a source as shards of up to so many records and about so many bytes; the number of records written.

    A folder in which a writing was stopped is gone on with, and ends with the same bytes.

    Args:
        size: bytes after which a shard ends; while it is written, it is in memory.
        faults: what is done about a record that cannot be used; the first ends the work, if not given.

    Raises:
        MMZooError: a record cannot be used, or the folder holds something else.
    """
    check_number("The number of records in a shard", records, 1, 10**6, whole=True)
    check_number("The size of a shard in bytes", size, 1, 2**40, whole=True)
    faults = faults or Faults()
    kinds = {name: kind for name, kind in source.kinds.items() if name not in ("id", "split")}
    kinds = {name: kind for name, kind in kinds.items() if kind != "ignore" or name == source.label}
    about = {"format": FORMAT, "source": source.name, "kinds": kinds, "label": source.label}
    about |= {"records": records, "size": size}
    done = begun(folder, about)
    rows = [(split, part, k) for split, part in source.splits.items() for k in range(len(part))]
    faults.records = len(rows)
    with tqdm(total=len(rows), desc="shards", unit="record", disable=None, leave=False) as bar:
        start, number = 0, 0
        while start < len(rows):
            name = f"shard-{number:05d}"
            if number >= len(done):
                data, entry = packed(rows[start : start + records], kinds, faults.on_error, size)
                index = json.dumps(entry, ensure_ascii=False).encode()
                write_file(folder / f"{name}.tfrecord", data)
                write_file(folder / f"{name}.json", index)
                facts = {key: entry[key] for key in ("sha256", "bad", "rows")}
                facts |= {"name": name, "count": len(entry["ids"]), "index_sha256": hashlib.sha256(index).hexdigest()}
                done.append(facts)
                write_file(folder / INDEX, json.dumps({**about, "shards": done}, ensure_ascii=False).encode())
            for record, cause, message in done[number]["bad"]:
                faults.add(record, DataError(message, cause))
            faults.check_budget()
            bar.update(done[number]["rows"])
            start, number = start + done[number]["rows"], number + 1
    write_file(folder / INDEX, json.dumps({**about, "shards": done, "whole": True}, ensure_ascii=False).encode())
    return sum(shard["count"] for shard in done)


def begun(folder: Path, about: dict[str, Any]) -> list[dict[str, Any]]:
    """The shards that are there already, whole; those after a damaged one are written anew."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MMZooError(f"The folder '{folder}' cannot be made ({error.strerror}); choose another.") from error
    if not (folder / INDEX).exists():
        require(not any(folder.glob("*.json")), f"'{folder}' holds something else already; choose another folder.")
        return []
    there = read_index(folder)
    same = all(there.get(key) == value for key, value in about.items())
    require(same, f"'{folder}' holds shards of another source or size; choose another folder or remove it first.")
    kept = []
    for shard in there["shards"]:
        wanted = {".tfrecord": shard["sha256"], ".json": shard["index_sha256"]}
        paths = {folder / f"{shard['name']}{ending}": sha256 for ending, sha256 in wanted.items()}
        if any(not path.is_file() or digest(path) != sha256 for path, sha256 in paths.items()):
            break
        kept.append(shard)
    return kept


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def packed(
    rows: list[tuple[str, Any, int]], kinds: dict[str, str], on_error: str, size: int
) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a shard and what its index says of it; `rows` there is how many were taken until it was full."""
    out = io.BytesIO()
    entry: dict[str, Any] = {"offsets": [], "ids": [], "splits": [], "missing": {}, "values": {}, "bad": []}
    stored = [name for name, kind in kinds.items() if kind in STORED]
    entry["missing"] = {name: [] for name in stored}
    entry["values"] = {name: [] for name in kinds if name not in stored}
    entry["rows"] = 0
    for split, part, row in rows:
        if out.tell() >= size:
            break
        entry["rows"] += 1
        record = part.ids[row]
        features: dict[str, bytes | None] = dict.fromkeys(stored)
        cells: dict[str, Any] = dict.fromkeys(entry["values"])
        bad = False
        for name in kinds:
            try:
                value = part.column(name)[row]
                if isinstance(value, DataError):
                    raise value
                if name in features:
                    features[name] = None if value is None else raw(value, kinds[name])
                else:
                    cells[name] = None if is_missing(value) else value
            except MMZooError as error:
                cause = error.cause if isinstance(error, DataError) else "other"
                if on_error == "error":
                    raise DataError(f"Record '{record}': {error}", cause) from error
                bad = True
                if [record, cause, str(error)] not in entry["bad"]:
                    entry["bad"].append([record, cause, str(error)])
        if bad and (on_error == "skip" or all(value is None for value in features.values())):
            continue
        for name in stored:
            if features[name] is None:
                entry["missing"][name].append(len(entry["ids"]))
        for name, value in cells.items():
            entry["values"][name].append(value)
        entry["offsets"].append(out.tell())
        entry["ids"].append(record)
        entry["splits"].append(split)
        out.write(framed(example({name: value for name, value in features.items() if value is not None})))
    data = out.getvalue()
    return data, {**entry, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


class Shard:
    """One file of a folder of shards.

    Raises:
        DataError: it is cut short; names the first record that is lost and where it began.
    """

    def __init__(self, folder: Path, name: str, index_sha256: str) -> None:
        self.path = folder / f"{name}.tfrecord"
        data, origin = read_bytes(folder / f"{name}.json", "shard's index")
        damaged = f"{origin} is damaged; write the shard again."
        require_data(hashlib.sha256(data).hexdigest() == index_sha256, "damaged_shard", damaged)
        entry = json.loads(data)
        self.ids, self.splits, self.values, self.missing = (entry[k] for k in ("ids", "splits", "values", "missing"))
        self.ends = [*entry["offsets"][1:], entry["bytes"]]
        self.offsets = entry["offsets"]
        size = self.path.stat().st_size if self.path.is_file() else 0
        if size < entry["bytes"]:
            lost = next(k for k, end in enumerate(self.ends) if end > size)
            raise DataError(
                f"The shard '{self.path}' is cut short: {size} of {entry['bytes']} bytes are there, and record "
                f"'{self.ids[lost]}' at byte {self.offsets[lost]} is the first that is lost; write it again.",
                "cut_shard",
            )

    def read(self, row: int) -> dict[str, bytes]:
        """The features of one record."""
        import tensorflow as tf

        start, end = self.offsets[row], self.ends[row]
        try:
            with open(self.path, "rb") as file:
                file.seek(start)
                frame = file.read(end - start)
        except OSError as error:
            message = f"The shard '{self.path}' cannot be read ({error.strerror}); copy it again."
            raise DataError(message, "unreadable_file") from error
        data = frame[HEAD:-FOOT]
        if framed(data) != frame:
            raise DataError(
                f"The shard '{self.path}' is damaged at byte {start} (record '{self.ids[row]}'); write it again.",
                "damaged_shard",
            )
        found = tf.train.Example.FromString(data).features.feature
        return {name: found[name].bytes_list.value[0] for name in found}


def read_shards(folder: str | Path) -> Table:
    """The records of a folder of shards as a table; files and texts are read when they are asked for.

    Raises:
        MMZooError: it is not a folder of shards, is not whole, or a shard is cut short.
    """
    kinds, shards = open_shards(folder)
    places = [(shard, row) for shard in shards for row in range(len(shard.ids))]
    require(places, f"The shards in '{folder}' hold no records.")

    @lru_cache(maxsize=64)
    def features(number: int) -> dict[str, bytes]:
        shard, row = places[number]
        return shard.read(row)

    columns: dict[str, Any] = {}
    starts = np.cumsum([0, *(len(shard.ids) for shard in shards)])
    for name, kind in kinds.items():
        if kind not in STORED:
            columns[name] = [value for shard in shards for value in shard.values[name]]
            continue
        there = np.ones(len(places), bool)
        for start, shard in zip(starts, shards, strict=False):
            there[start + np.array(shard.missing[name], int)] = False

        def read(number: int, name: str = name, kind: str = kind) -> Any:
            value = features(number)[name]
            if kind == "text":
                return value.decode("utf-8", "replace")
            return np.load(io.BytesIO(value), allow_pickle=False) if value.startswith(b"\x93NUMPY") else value

        columns[name] = Column(read, np.arange(len(places)), there)
    splits = [split for shard in shards for split in shard.splits]
    if set(splits) != {"all"}:
        columns["split"] = splits
    ids = [record for shard in shards for record in shard.ids]
    return Table(columns, ids, kinds, told=[str(read_index(Path(folder)).get("label", ""))])


def open_shards(folder: str | Path) -> tuple[dict[str, str], list[Shard]]:
    """The kinds of the columns, and the shards in order.

    Raises:
        MMZooError: see `read_shards`.
    """
    folder = Path(folder)
    about = read_index(folder)
    require(about.get("whole"), f"The shards in '{folder}' are not whole; go on with the mmzoo shard command.")
    shards = [Shard(folder, shard["name"], shard["index_sha256"]) for shard in about["shards"]]
    return about["kinds"], shards


def read_index(folder: Path) -> dict[str, Any]:
    """What a folder of shards, finished or not, says of itself."""
    data, origin = read_bytes(folder / INDEX, "index of shards")
    try:
        about = json.loads(data)
    except ValueError as error:
        raise MMZooError(f"{origin} is damaged; write the shards again.") from error
    found = about.get("format") if isinstance(about, dict) else None
    require(found == FORMAT, f"{origin} has format {found!r}; this mmzoo reads {FORMAT}.")
    return dict(about)
