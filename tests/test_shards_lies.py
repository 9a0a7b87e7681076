"""Shards of strangers: whatever their files hold, one sentence that names the file, and nothing outside is touched."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from mmzoo.data.records import Records
from mmzoo.data.serialization import framed, masked
from mmzoo.data.shards import open_shards, read_shards, write_shards
from mmzoo.data.table import Source
from mmzoo.errors import DataError, MMZooError
from tests.mutations import mutations, put

KINDS = {"note": "text", "motion": "sensor", "weight": "number", "shop": "category", "tags": "ignore"}


def source(count: int = 6) -> Source:
    columns: dict[str, Any] = {
        "note": [f"note {k}" if k != 2 else None for k in range(count)],
        "motion": [np.full((2, 3), k, np.float32) for k in range(count)],
        "weight": [k / 7 for k in range(count)],
        "shop": ["ab"[k % 2] for k in range(count)],
        "tags": [["x", "y"][: k % 3] for k in range(count)],
    }
    return Source("memory", {"all": Records(columns, [f"line {k}" for k in range(count)])}, KINDS, "tags")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards") / "made"
    write_shards(source(), folder, records=3)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


def everything(folder: Path) -> list[dict[str, Any]]:
    return list(read_shards(folder))


def changed(path: Path, change: Callable[[Any], Any]) -> None:
    """Change a JSON file, and the hash that index.json has of it."""
    value = json.loads(path.read_bytes())
    text = change(value)
    data = text if isinstance(text, bytes) else json.dumps(value if text is None else text).encode()
    path.write_bytes(data)
    if path.name != "index.json":
        sealed(path.parent, path.stem, "index_sha256", data)


def sealed(folder: Path, name: str, key: str, data: bytes) -> None:
    about = json.loads((folder / "index.json").read_bytes())
    for facts in about["shards"]:
        if facts["name"] == name:
            facts[key] = hashlib.sha256(data).hexdigest()
    (folder / "index.json").write_text(json.dumps(about))


def without(key: str) -> Callable[[Any], None]:
    return lambda inside: inside.pop(key)  # type: ignore[no-any-return]


DEEP = b"[" * 100_000
NAMES = ("/etc/passwd", "../away/shard-00000", "shard-00001", "a/b", "", "shard-00000\0", ".", 3, None, ["shard-00000"])
ANYTHING = (None, True, -1, 0, 1.5, 10**400, "x", [], {}, [[]], [None], {"a": 1})

ABOUT_LIES: list[Callable[[Any], Any]] = [
    *(lambda _, text=text: text for text in (b"", b"{", b"null", b"[]", b"3", b'"x"', DEEP, b"\xff\xfe", b"NaN")),
    lambda about: json.dumps(about).encode()[:-1] + b', "whole": true}',  # a key twice
    lambda about: json.dumps(about).encode().replace(b'"size": 1', b'"size": 1e400, "size": 1'),
    lambda _: b"[" + b"{}," * 30_000 + b"{}]",
    *(without(key) for key in ("format", "source", "kinds", "label", "records", "size", "shards", "whole")),
    *(
        put(key, value=v)
        for key in ("format", "kinds", "records", "shards")
        for v in ANYTHING
        if v != [] or key != "shards"
    ),
    *(put("whole", value=v) for v in ANYTHING if v is not True),
    *(put("label", value=v) for v in ("nothing", 3, None)),
    *(put("kinds", "note", value=v) for v in ("picture", 3, None, "number", "ignore")),
    *(put("kinds", name, value="text") for name in ("", "id", "split", "another")),
    put("more", value=1),
    *(put("shards", 0, "name", value=name) for name in NAMES),
    *(
        put("shards", 0, key, value=v)
        for key in ("sha256", "index_sha256", "count", "rows", "bad")
        for v in ANYTHING
        if v != [] or key != "bad"
    ),
    put("shards", 0, "more", value=1),
    put("shards", 0, "bad", value=[["line 0", "cause", 3]]),
    put("shards", 0, "count", value=4),
    lambda about: about["shards"].reverse(),
    lambda about: about["shards"].append(about["shards"][0]),
    lambda about: about["shards"].append({}),
]

ENTRY_LIES: list[Callable[[Any], Any]] = [
    *(lambda _, text=text: text for text in (b"", b"{", b"null", b"[]", DEEP, b"NaN")),
    lambda entry: json.dumps(entry).encode()[:-1] + b', "rows": 3}',
    *(without(key) for key in ("offsets", "ids", "splits", "missing", "values", "bad", "rows", "bytes", "sha256")),
    *(
        put(key, value=v)
        for key in ("offsets", "ids", "splits", "missing", "values", "rows", "bytes", "sha256")
        for v in ANYTHING
    ),
    put("more", value=1),
    *(put("offsets", k, value=v) for k in (0, 1) for v in ANYTHING if (k, v) != (0, 0)),
    *(put("offsets", 1, value=v) for v in (-5, 1, 2**40, 2**62, 2**70)),
    lambda entry: entry["offsets"].reverse(),
    *(put("bytes", value=v) for v in (16, 2**49, 2**62, 2**70)),
    *(put("ids", 0, value=v) for v in (None, 3, ["x"])),
    *(put("splits", 0, value=v) for v in (None, 3, ["x"], "train", "holdout")),
    *(
        put("missing", "note", value=v)
        for v in ([3], [-1], [2, 2], [2, 1], [2**70], [1.0], ["2"], [True], 3, None, [0])
    ),
    *(put("missing", name, value=[]) for name in ("weight", "another")),
    lambda entry: entry["missing"].pop("note"),
    *(put("values", "weight", value=v) for v in ([], [1, 2], [1] * 4, 3, None, {"a": 1})),
    *(put("values", "weight", 0, value=v) for v in ("x", [1], {}, 10**400, [[1]])),
    *(put("values", "shop", 0, value=v) for v in (["a"], {}, 10**400)),
    *(put("values", "tags", 0, value=v) for v in ([["a"]], {}, [{}], [10**400])),
    lambda entry: entry["values"].pop("shop"),
    put("values", "note", value=["x"] * 3),
]


def is_one_sentence(error: pytest.ExceptionInfo[MMZooError], folder: Path) -> None:
    text = str(error.value)
    assert "\n" not in text
    assert str(folder) in text
    assert len(text) < 700


@pytest.mark.parametrize("number", range(len(ABOUT_LIES)))
def test_an_index_that_lies(folder: Path, number: int) -> None:
    changed(folder / "index.json", ABOUT_LIES[number])
    with pytest.raises(MMZooError) as caught:
        everything(folder)
    is_one_sentence(caught, folder)


@pytest.mark.parametrize("number", range(len(ENTRY_LIES)))
def test_an_index_of_a_shard_that_lies(folder: Path, number: int) -> None:
    changed(folder / "shard-00000.json", ENTRY_LIES[number])
    with pytest.raises(DataError) as caught:
        everything(folder)
    is_one_sentence(caught, folder)


def test_an_absolute_name_is_not_followed(folder: Path, tmp_path: Path) -> None:
    """The shards of somebody else, named by their whole path."""
    other = Path(shutil.copytree(folder, tmp_path / "away"))
    for name in (str(other / "shard-00000"), "../away/shard-00000"):
        changed(folder / "index.json", put("shards", 0, "name", value=name))
        for use in (everything, lambda folder: write_shards(source(), folder, records=3)):
            with pytest.raises(DataError, match="the name of shard 0"):
                use(folder)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def to_zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


def to_itself(path: Path) -> None:
    path.symlink_to(path)


def to_the_same(path: Path) -> None:
    path.symlink_to(path.parent.parent / "original")


@pytest.mark.parametrize("make", [fifo, to_zero, to_itself, to_the_same, Path.mkdir])
@pytest.mark.parametrize("name", ["index.json", "shard-00001.json", "shard-00001.tfrecord"])
def test_only_plain_files_are_opened(folder: Path, name: str, make: Callable[[Path], None]) -> None:
    """No pipe is waited for, no device read, no link followed, also where it leads to the very same bytes."""
    (folder / name).rename(folder.parent / "original")
    make(folder / name)
    found: list[Any] = []

    def read() -> None:
        with pytest.raises(DataError) as caught:
            everything(folder)
        found.append(caught)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(10)
    (caught,) = found
    is_one_sentence(caught, folder)
    assert caught.value.cause == "unreadable_file"


def test_a_link_that_comes_later_is_not_followed(folder: Path) -> None:
    table = read_shards(folder)
    path = folder / "shard-00001.tfrecord"
    path.rename(folder.parent / "original")
    path.symlink_to(folder.parent / "original")
    assert table[0]["note"] == "note 0"
    with pytest.raises(DataError, match=r"shard-00001.tfrecord' cannot be read \(it is a link"):
        table[3]


def feature(kind: str, values: list[Any]) -> tf.train.Feature:
    lists = {"bytes": tf.train.BytesList, "float": tf.train.FloatList, "int64": tf.train.Int64List}
    return tf.train.Feature(**{f"{kind}_list": lists[kind](value=values)})


NPY = b"\x93NUMPY\x01\x00"


def npy(header: str, data: bytes = b"") -> bytes:
    return NPY + len(header).to_bytes(2, "little") + header.encode("latin-1") + data


def saved(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


GOOD = {"note": feature("bytes", [b"n"]), "motion": feature("bytes", [saved(np.zeros((2, 3), np.float32))])}
ARRAYS = [
    npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }"),
    npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -4), }", bytes(16)),
    npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }", bytes(4)),
    npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"\x80\x04N."),
    npy("{'descr': '|S0', 'fortran_order': False, 'shape': (1000000,), }"),
    npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", bytes(4)),
    npy("{'descr': '<f4', 'fortran_order': False, 'shape': (10000000000000000000000,), }"),
    npy("{'descr': '<f4', 'fortran_order': False, 'shape': 3, }"),
    npy("{'descr': '<f4', "),
    npy("[" * 2000),
    npy("(" * 9000),
    npy("-" * 9000 + "1"),
    npy("'''"),
    npy("\x00\x00"),
    npy("3"),
    NPY,
    NPY[:6] + b"\x09\x00",
    NPY[:6],
]
RECORDS = {
    "no example": b"\xff\xff\xff",
    "empty": b"",
    "a feature less": {"note": GOOD["note"]},
    "a feature more": {**GOOD, "more": feature("bytes", [b"x"])},
    "no value": {**GOOD, "note": feature("bytes", [])},
    "two values": {**GOOD, "note": feature("bytes", [b"a", b"b"])},
    "a number": {**GOOD, "note": feature("int64", [3])},
    "a float": {**GOOD, "note": feature("float", [3.0])},
    **{f"array {k}": {**GOOD, "motion": feature("bytes", [data])} for k, data in enumerate(ARRAYS)},
}


@pytest.mark.parametrize("what", RECORDS)
def test_a_record_that_is_something_else(tmp_path: Path, what: str) -> None:
    """Its checksum is right, and so are the indexes."""
    given = RECORDS[what]
    if isinstance(given, dict):
        given = tf.train.Example(features=tf.train.Features(feature=given)).SerializeToString()
    folder = tmp_path / "made"
    write_shards(source(1), folder)
    data = framed(given)
    (folder / "shard-00000.tfrecord").write_bytes(data)
    for name in ("shard-00000.json", "index.json"):
        path = folder / name
        text = path.read_text()
        old = json.loads((folder / "index.json").read_bytes())["shards"][0]["sha256"]
        size = json.loads((folder / "shard-00000.json").read_bytes())["bytes"]
        text = text.replace(f'"bytes": {size}', f'"bytes": {len(data)}')
        path.write_text(text.replace(old, hashlib.sha256(data).hexdigest()) if name == "index.json" else text)
    entry = json.loads((folder / "shard-00000.json").read_bytes())
    changed(folder / "shard-00000.json", lambda _: {**entry, "sha256": hashlib.sha256(data).hexdigest()})
    with pytest.raises(DataError) as caught:
        everything(folder)
    assert caught.value.cause in ("damaged_shard", "junk_array", "lying_array")
    assert "\n" not in str(caught.value)


def test_what_a_record_says_of_its_length_is_checked_before_tensorflow_believes_it(folder: Path) -> None:
    shard = open_shards(folder)[1][1]
    shard.check_lengths()
    data = bytearray(shard.path.read_bytes())
    length = (2**60).to_bytes(8, "little")
    data[:12] = length + masked(length)
    shard.path.write_bytes(data)
    with pytest.raises(DataError, match=r"damaged at byte 0 \(record 'line 3'\)"):
        shard.check_lengths()
    with pytest.raises(DataError, match=r"damaged at byte 0 \(record 'line 3'\)"):
        shard.read(0)


def test_a_shard_that_claims_much_takes_little_memory(folder: Path) -> None:
    """A sparse file of 10 TB, of which one record is said to be nearly all; and an index of 16 MB of brackets."""
    changed(folder / "shard-00000.json", put("bytes", value=10**13))
    os.truncate(folder / "shard-00000.tfrecord", 10**13)
    tracemalloc.start()
    with pytest.raises(DataError, match="its offsets"):
        everything(folder)
    (folder / "index.json").write_bytes(b"[" + b"[]," * 5_000_000 + b"[]]")
    with pytest.raises(DataError, match="over the limit"):
        everything(folder)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50e6


def damaged_in_some_way(folder: Path, name: str, count: int, seed: int) -> None:
    """One sentence, or what was there: nothing else may come of it."""
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    for data in mutations(whole[name], count, seed):
        (folder / name).write_bytes(data)
        if name == "shard-00000.json":
            sealed(folder, "shard-00000", "index_sha256", data)
        try:
            everything(folder)
        except MMZooError as error:
            assert "\n" not in str(error)
        (folder / "index.json").write_bytes(whole["index.json"])


@pytest.mark.parametrize("name", ["index.json", "shard-00000.json", "shard-00000.tfrecord"])
def test_fifty_ways_of_damage(folder: Path, name: str) -> None:
    damaged_in_some_way(folder, name, 50, 0)


@pytest.mark.long
@pytest.mark.parametrize("name", ["index.json", "shard-00000.json", "shard-00000.tfrecord"])
def test_two_thousand_ways_of_damage(folder: Path, name: str) -> None:
    damaged_in_some_way(folder, name, 2000, 1)
