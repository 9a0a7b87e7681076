"""The index files of a folder of shards, which may be a stranger's: all that they may hold, checked as they are read.

`index.json` has the kinds of the columns and, of each shard, the SHA-256 of its two files; `shard-00000.json` where the
records of that shard lie, what they are called, and what is neither a file nor a text.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NotRequired, TypedDict, TypeGuard, cast

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.data.schema.kinds import column_kinds, inputs
from mmzoo.data.shards.serialization import FOOT, HEAD, MAX_RECORD
from mmzoo.errors import DataError, MMZooError, require, require_data
from mmzoo.files import read_file, write_file
from mmzoo.files.limits import MAX_JSON, MAX_OBJECTS, MAX_VALUES, parse_json
from mmzoo.modalities.tabular.cells import is_missing

FORMAT = 1
INDEX = "index.json"
SPLITS = ("train", "validation", "test")
WHOLE_TABLE = "all"  # the split of records that are not split
MAX_COUNT = 2**50  # of bytes in a shard
LARGEST = 2**64  # whole numbers: no table has larger ones, and the conversion of very large ones takes very long

ABOUT = {"format", "source", "kinds", "label", "records", "size", "shards"}
FACTS = {"name", "sha256", "index_sha256", "count", "rows", "bad"}
ENTRY = {"offsets", "ids", "splits", "missing", "values", "bad", "rows", "bytes", "sha256"}


class ShardFacts(TypedDict):
    """What the index of a folder says of a shard.

    count, rows: how many records it has, and of how many of the source; `bad` are the faults of the others.
    """

    sha256: str
    bad: list[list[str]]
    rows: int
    name: str
    count: int
    index_sha256: str


class ShardsAbout(TypedDict):
    """What a folder of shards says of itself, and of how it was asked for."""

    format: int
    source: str
    kinds: dict[str, str]
    label: str
    records: int
    size: int


class ShardsIndex(ShardsAbout):
    """With its shards; `whole` when there are no more to come."""

    shards: list[ShardFacts]
    whole: NotRequired[bool]


class ShardEntry(TypedDict):
    """What the index of a shard says.

    offsets, ids, splits: of each record.
    missing, values: by column that is in the shard which records lack it, and of the others what they hold.
    bad, rows: as `ShardFacts`.
    """

    offsets: list[int]
    ids: list[str]
    splits: list[str]
    missing: dict[str, list[int]]
    values: dict[str, list[Raw]]
    bad: list[list[str]]
    rows: int
    bytes: int
    sha256: str


def as_json(value: object) -> bytes:
    """Plain data as it stands in an index; half characters too."""
    return json.dumps(value, allow_nan=False).encode()


def write_index(folder: Path, about: Mapping[str, object]) -> None:
    """Write what a folder of shards says of itself.

    Raises:
        MMZooError: there are more shards than one folder may have, or the folder cannot be written.
    """
    data = as_json(about)
    size, values, objects = len(data), data.count(b","), data.count(b"{")
    require(
        size <= MAX_JSON and values <= MAX_VALUES and objects <= MAX_OBJECTS,
        f"'{folder}' would have more shards, or faults, than one index holds; give larger shards, or several folders.",
    )
    write_file(folder / INDEX, data)


def read_index(folder: Path) -> ShardsIndex:
    """What a folder of shards, finished or not, says of itself.

    Raises:
        DataError: there is no index, or it holds what an index does not.
    """
    origin = f"The index of shards '{folder / INDEX}'"
    about = parsed(origin, read_own(folder / INDEX, origin))
    check(isinstance(about, dict), origin, "no object")
    assert isinstance(about, dict)
    found = about.get("format")
    require(type(found) is int and found == FORMAT, f"{origin} is not of format {FORMAT}, which this mmzoo reads.")
    check(about.keys() - {"whole"} == ABOUT, origin, "its keys")
    check(type(about["source"]) is str and about.get("whole", True) is True, origin, "its source")
    kinds, shards = about["kinds"], about["shards"]
    check(isinstance(kinds, dict) and kinds and not {"", "id", "split"} & kinds.keys(), origin, "its columns")
    known = column_kinds()
    check(all(type(kind) is str and kind in known for kind in kinds.values()), origin, "the kinds of its columns")
    check(type(about["label"]) is str and about["label"] in {"", *kinds}, origin, "its label")
    check(is_count(about["records"], 10**6) and is_count(about["size"], 2**40), origin, "the size of its shards")
    check(isinstance(shards, list), origin, "its shards")
    for number, facts in enumerate(shards):
        part = f"shard {number}"
        check(isinstance(facts, dict) and facts.keys() == FACTS, origin, part)
        check(facts["name"] == shard_name(number), origin, f"the name of {part}")
        check(is_hash(facts["sha256"]) and is_hash(facts["index_sha256"]), origin, f"the hashes of {part}")
        check_counts(origin, part, facts["count"], facts, about["records"])
    return cast(ShardsIndex, about)


def read_entry(folder: Path, facts: ShardFacts, kinds: dict[str, str]) -> ShardEntry:
    """The index of one shard, of which `index.json` has told `facts`.

    Raises:
        DataError: there is none, or it is not the one that is meant, or holds what an index does not.
    """
    path = folder / f"{facts['name']}.json"
    origin = f"The index of a shard '{path}'"
    data = read_own(path, origin)
    check(hashlib.sha256(data).hexdigest() == facts["index_sha256"], origin, f"its SHA-256 is not that in {INDEX}")
    entry = parsed(origin, data)
    check(isinstance(entry, dict) and entry.keys() == ENTRY, origin, "its keys")
    assert isinstance(entry, dict)
    ids, splits, offsets, length = (entry[key] for key in ("ids", "splits", "offsets", "bytes"))
    for key in ("ids", "splits", "offsets"):
        check(isinstance(entry[key], list) and len(entry[key]) == len(ids), origin, f"the length of its {key}")
    count = len(ids)
    check(count == facts["count"] and entry["sha256"] == facts["sha256"], origin, f"it is another than in {INDEX}")
    check(entry["rows"] == facts["rows"] and entry["bad"] == facts["bad"], origin, f"it is another than in {INDEX}")
    check(all(type(each) is str for each in ids), origin, "its ids")
    check(all(type(each) is str for each in splits), origin, "its splits")
    check({*splits} <= {*SPLITS} or {*splits} == {WHOLE_TABLE}, origin, "its splits")
    check(all(is_count(each, MAX_COUNT, 0) for each in [*offsets, length]), origin, "its offsets")
    places = [*offsets, length]
    check(places[0] == 0, origin, "its first offset")
    lengths = (end - start - HEAD - FOOT for start, end in pairwise(places))
    check(all(0 <= each <= MAX_RECORD for each in lengths), origin, "its offsets")
    missing, values = entry["missing"], entry["values"]
    stored = {name for name, kind in kinds.items() if kind in inputs()}  # in the shard; the others are in the index
    check(isinstance(missing, dict) and missing.keys() == stored, origin, "its columns")
    check(isinstance(values, dict) and values.keys() == kinds.keys() - stored, origin, "its columns")
    for name, rows in missing.items():
        good = isinstance(rows, list) and all(is_count(row, count, 0) for row in rows)
        check(good and all(a < b for a, b in pairwise([-1, *rows, count])), origin, f"what is missing of '{name}'")
    for name, column in values.items():
        check(isinstance(column, list) and len(column) == count, origin, f"the length of '{name}'")
        check(all(is_value(each, kinds[name]) for each in column), origin, f"the values of '{name}'")
    return cast(ShardEntry, entry)


def indexed(value: Raw, kind: str) -> Raw:
    """A value of a column as it stands in an index.

    Raises:
        DataError: an index has no such values.
    """
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    if isinstance(value, (list, tuple)):
        value = [each.tolist() if isinstance(each, np.generic) else each for each in value]
    elif isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if is_missing(value):
        return None
    what = "a number that is not finite" if isinstance(value, float) else f"a value of type {type(value).__name__}"
    require_data(
        is_value(value, kind), "wrong_kind", f"A column of kind '{kind}' holds {what}; mend it or leave it out."
    )
    return value


class Room:
    """How much an index may still hold: whoever reads one has limits."""

    def __init__(self) -> None:
        self.left = [0.9 * limit for limit in (MAX_JSON, MAX_VALUES, MAX_OBJECTS)]

    def admits(self, values: Sequence[Raw], more: int) -> bool:
        """Is there room for what an index holds of one record, and for so many numbers more?"""
        text = as_json(values)
        taken = (len(text) + 24 * more, text.count(b",") + more, text.count(b"{"))
        left = [before - each for before, each in zip(self.left, taken, strict=True)]
        if min(left) < 0:
            return False
        self.left = left
        return True


def check(condition: object, origin: str, what: str) -> None:
    """Raise a `DataError` unless `condition` holds."""
    if not condition:
        raise DataError(f"{origin} is damaged ({what}); write the shards again.", "damaged_shard")


def check_counts(origin: str, part: str, count: Raw, facts: Mapping[str, Raw], most: int) -> None:
    """How many rows of the source a shard has taken, how many of them are in it, and what was wrong with which."""
    rows, bad = facts["rows"], facts["bad"]
    check(is_count(rows, most) and is_count(count, rows, 0), origin, f"the numbers of {part}")
    lines = bad if isinstance(bad, list) else [None]
    good = all(isinstance(line, list) and len(line) == 3 and all(type(word) is str for word in line) for line in lines)
    check(good, origin, f"the faults of {part}")


def read_own(path: Path, origin: str) -> bytes:
    """The bytes of a plain file of a folder of shards; a link is not followed."""
    try:
        return read_file(path, links=False, limit=MAX_JSON)
    except FileNotFoundError:
        raise DataError(f"{origin} does not exist; check the path.", "missing_file") from None
    except OSError as error:
        raise DataError(f"{origin} cannot be read ({error.strerror}); copy it again.", "unreadable_file") from None


def parsed(origin: str, data: bytes) -> Raw:
    """The value of a JSON text."""
    try:
        return parse_json(origin, data, "write the shards again")
    except MMZooError as error:
        raise DataError(str(error), "damaged_shard") from None


def shard_name(number: int) -> str:
    """What the files of a shard are called, without their endings: no other name is ever read or written."""
    return f"shard-{number:05d}"


def is_count(value: Raw, most: int, least: int = 1) -> TypeGuard[int]:
    """Is it a whole number from `least` to `most`?"""
    return type(value) is int and least <= value <= most


def is_hash(value: Raw) -> bool:
    """Is it a SHA-256?"""
    return type(value) is str and re.fullmatch("[0-9a-f]{64}", value) is not None


def is_value(value: Raw, kind: str) -> bool:
    """Can it be the value of a column of a kind that is not in the shards themselves?"""
    if kind in ("ignore", "multi_category") and type(value) is list:
        return all(is_scalar(each) for each in value)
    return is_scalar(value) and (kind != "number" or value is None or is_number(value))


def is_number(value: Raw) -> bool:
    """Does it read as a number?"""
    try:
        float(value)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError):
        return False
    return True


def is_scalar(value: Raw) -> bool:
    """Is it nothing, a text, a truth value or a finite number?"""
    if type(value) is float:
        return math.isfinite(value)
    if type(value) is int:
        return abs(value) < LARGEST
    return value is None or type(value) in (str, bool)
