"""An index of shards that lies, and what is no plain file: one sentence, and nothing is followed."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmzoo.data.shards.folder import read_shards, write_shards
from mmzoo.errors import DataError, MMZooError
from tests.mutations import put
from tests.shards.case import changed, everything, source


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
