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
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mmzoo.aliases import Raw
from mmzoo.data.faults import Faults
from mmzoo.data.lazy.columns import Column
from mmzoo.data.schema.kinds import inputs
from mmzoo.data.shards.indexes import (
    FORMAT,
    INDEX,
    SPLITS,
    WHOLE_TABLE,
    Room,
    ShardEntry,
    ShardFacts,
    ShardsAbout,
    as_json,
    read_index,
    shard_name,
    write_index,
)
from mmzoo.data.shards.kept import WHOLE, AllKept, Here, Prepared
from mmzoo.data.shards.shard import Shard
from mmzoo.data.table import Source, Table
from mmzoo.errors import DataError, MMZooError, check_number, require, unknown
from mmzoo.files import open_plain, write_file
from mmzoo.files.folders import held
from mmzoo.modalities import modalities
from mmzoo.pipelines.units import Units

SIZE = 100_000_000  # bytes of a shard: enough for a disk to read at full speed, little enough to hold


def write_shards(
    source: Source,
    folder: Path,
    *,
    records: int = 1024,
    size: int = SIZE,
    faults: Faults | None = None,
    prepared: Prepared = WHOLE,
    elsewhere: Callable[[Here, Units, int], AllKept] | None = None,
) -> int:
    """Write a source as shards of up to so many records and about so many bytes; the number of records written.

    A folder in which a writing was stopped is gone on with, and ends with the same bytes.

    Args:
        size: bytes after which a shard ends; while it is written, it is in memory.
        faults: what is done about a record that cannot be used; the first ends the work, if not given.
        prepared: what is kept of the records; files as they are, if not given.
        elsewhere: finds what is kept of the records, such as `mmzoo.data.kept_elsewhere.Elsewhere` with a pipeline;
            this process does, if not given. It is told where it may keep what it finds, and which record is the first.

    Raises:
        MMZooError: a record cannot be used, the folder holds something else, or another writing goes on in it.
    """
    check_number("The number of records in a shard", records, 1, 10**6, whole=True)
    check_number("The size of a shard in bytes", size, 1, 2**40, whole=True)
    faults = faults or Faults()
    for split in source.splits:
        if split not in (*SPLITS, WHOLE_TABLE):
            raise unknown("split called", split, (*SPLITS, WHOLE_TABLE))
    own = any(isinstance(part, Table) and "split" in part.told for part in source.splits.values())
    require(
        not own or source.kinds.get("split") == "ignore",
        "Shards keep the parts of a split under 'split'; give the column of that name another one.",
    )
    kinds = {name: kind for name, kind in source.kinds.items() if name not in ("id", "split")}
    kinds = {name: kind for name, kind in kinds.items() if kind != "ignore" or name == source.label}
    name = f"{source.name}, {prepared.words}" if prepared.inputs else source.name
    about: ShardsAbout = {
        "format": FORMAT, "source": name, "kinds": kinds, "label": source.label, "records": records, "size": size
    }  # fmt: skip
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise MMZooError(f"The folder '{folder}' cannot be made ({why}); choose another.") from error
    with held(folder, "mmzoo data shard"):
        here = Here(source, kinds, faults.on_error, prepared)
        done = begun(folder, about, len(here))
        if elsewhere is None:
            return _write(here, folder, about, done, faults)
        units = Units.beside(folder, {**about, "rows": len(here)})
        units.begin(anew=True)
        start = sum(shard["rows"] for shard in done)
        count = _write(elsewhere(here, units, start), folder, about, done, faults)
        units.remove()
        return count


def _write(rows: AllKept, folder: Path, about: ShardsAbout, done: list[ShardFacts], faults: Faults) -> int:
    """What `write_shards` does in its folder, which is held and has some shards already."""
    faults.records = len(rows)
    kinds, records, size = about["kinds"], about["records"], about["size"]
    with tqdm(total=len(rows), desc="shards", unit="record", disable=None, leave=False) as bar:
        start, number = 0, 0
        while start < len(rows):
            name = shard_name(number)
            if number >= len(done):
                data, entry = shard_bytes(rows, kinds, start, records, size)
                index = as_json(entry)
                write_file(folder / f"{name}.tfrecord", data)
                write_file(folder / f"{name}.json", index)
                done.append(
                    {
                        "sha256": entry["sha256"],
                        "bad": entry["bad"],
                        "rows": entry["rows"],
                        "name": name,
                        "count": len(entry["ids"]),
                        "index_sha256": hashlib.sha256(index).hexdigest(),
                    }
                )
                write_index(folder, {**about, "shards": done})
            for record, cause, message in done[number]["bad"]:
                faults.add(record, DataError(message, cause))
            faults.check_budget()
            bar.update(done[number]["rows"])
            start, number = start + done[number]["rows"], number + 1
    write_index(folder, {**about, "shards": done, "whole": True})
    return sum(shard["count"] for shard in done)


def begun(folder: Path, about: ShardsAbout, rows: int) -> list[ShardFacts]:
    """The shards that are there already, whole, of a source of so many rows; what follows a damaged one is made anew.

    Raises:
        MMZooError: the folder holds something else.
    """
    others = [path.name for path in folder.iterdir()]
    if INDEX not in others:
        require(not others, f"'{folder}' holds something else already ({others[:1]}); choose another folder.")
        write_index(folder, {**about, "shards": []})
        return []
    there = read_index(folder)
    same = about.items() <= there.items()
    require(same, f"'{folder}' holds shards of another source or size; choose another folder or remove it first.")
    kept: list[ShardFacts] = []
    for shard in there["shards"]:
        wanted = {".tfrecord": shard["sha256"], ".json": shard["index_sha256"]}
        paths = {folder / f"{shard['name']}{ending}": sha256 for ending, sha256 in wanted.items()}
        rows -= shard["rows"]
        if rows < 0 or any(digest(path) != sha256 for path, sha256 in paths.items()):
            break
        kept.append(shard)
    return kept


def digest(path: Path) -> str:
    """The SHA-256 of a plain file; empty where there is none."""
    try:
        with open(open_plain(path, links=False)[0], "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def shard_bytes(rows: AllKept, kinds: dict[str, str], start: int, count: int, size: int) -> tuple[bytes, ShardEntry]:
    """The bytes of a shard and what its index says of it; `rows` there is how many were taken until it was full.

    It is full too when its index is: what reads it has limits.

    Args:
        rows: of the source, as they are kept.
        start, count: the first of the shard, and how many it has at most.
    """
    out = io.BytesIO()
    stored = [name for name, kind in kinds.items() if kind in inputs()]
    entry: ShardEntry = {
        "offsets": [],
        "ids": [],
        "splits": [],
        "missing": {name: [] for name in stored},
        "values": {name: [] for name in kinds if name not in stored},
        "bad": [],
        "rows": 0,
        "bytes": 0,
        "sha256": "",
    }
    room = Room()
    for row in range(start, min(start + count, len(rows))):
        if out.tell() >= size:
            break
        kept = rows[row]
        if not room.admits([kept.record, kept.split, kept.bad, *kept.values.values()], 1 + len(stored)):
            require(entry["rows"], f"Record '{kept.record}' has more values than an index holds; leave columns out.")
            break
        entry["rows"] += 1
        entry["bad"] += kept.bad
        if kept.frame is None:
            continue
        for name, there in kept.there.items():
            if not there:
                entry["missing"][name].append(len(entry["ids"]))
        for name, value in kept.values.items():
            entry["values"][name].append(value)
        entry["offsets"].append(out.tell())
        entry["ids"].append(kept.record)
        entry["splits"].append(kept.split)
        out.write(kept.frame)
    data = out.getvalue()
    entry["bytes"], entry["sha256"] = len(data), hashlib.sha256(data).hexdigest()
    return data, entry


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

    columns: dict[str, Sequence[Raw]] = {}
    starts = np.cumsum([0, *(len(shard.ids) for shard in shards)])
    for name, kind in kinds.items():
        if kind not in inputs():
            columns[name] = [value for shard in shards for value in shard.values[name]]
            continue
        there = np.ones(len(places), bool)
        for start, shard in zip(starts, shards, strict=False):
            there[start + np.array(shard.missing[name], np.int64)] = False

        def read(number: int, name: str = name, kind: str = kind) -> Raw:
            value = features(number)[name]
            return modalities[kind].from_stored(value, f"The {kind} of record {number + 1} of the shards in '{folder}'")

        columns[name] = Column(read, np.arange(len(places)), there)
    splits = [split for shard in shards for split in shard.splits]
    if set(splits) != {WHOLE_TABLE}:
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
    require(about.get("whole"), f"The shards in '{folder}' are not whole; go on with the mmzoo data shard command.")
    shards = [Shard(folder, facts, about["kinds"]) for facts in about["shards"]]
    splits = {split for shard in shards for split in shard.splits}
    require(splits <= {*SPLITS} or splits == {WHOLE_TABLE}, f"Only some of the shards in '{folder}' are split.")
    return about["kinds"], shards
