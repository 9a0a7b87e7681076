"""A record of a stranger's shard that is not what it says: one sentence, and nothing large is made."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from mmzoo.data.shards.folder import open_shards, write_shards
from mmzoo.data.shards.serialization import framed, masked
from mmzoo.errors import DataError, MMZooError
from tests.mutations import mutations, put
from tests.shards.case import changed, everything, sealed, source


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
