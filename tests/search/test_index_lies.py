"""Folders that are no index, or one of a stranger's that lies: one sentence each, and nothing is followed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmzoo.errors import MMZooError
from mmzoo.files.safetensors import header_of
from mmzoo.index.card import CARD
from mmzoo.index.columns import Columns, Entry
from mmzoo.index.store import Store
from tests.search.index_case import DIM, INPUTS, card, entries, made, names


def changed(folder: Path, **changes: Any) -> None:
    """Let the card of an index say something else."""
    path = folder / CARD
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"dim": 0},
        {"dim": 10**9},
        {"dim": "16"},
        {"id": "../../etc"},
        {"model": 5},
        {"inputs": {}},
        {"by": []},
        {"by": ["picture", "picture"]},
        {"by": ["other"]},
        {"by": [5]},
        {"inputs": {"a" * 100: "image"}},
        {"inputs": {f"a{k}": "image" for k in range(65)}},
        {"dtype": "float64"},
        {"weights": {"other": 1}},
        {"weights": {"words": 2}},
        {"weights": {"words": "1"}},
        {"weights": {"words": True}},
        {"more": 1},
        {"segments": [{"file": "../x.safetensors", "records": 1, "removed": ""}]},
        {"segments": [{"file": "/etc/passwd", "records": 1, "removed": ""}]},
        {"segments": [{"file": f"{'0' * 32}.safetensors", "records": -1, "removed": ""}]},
        {"segments": [{"file": f"{'0' * 32}.safetensors", "records": 1, "removed": "AAAA"}]},
        {"segments": [{"file": f"{'0' * 32}.safetensors", "records": 1, "removed": "?"}]},
        {"segments": [{"file": f"{'0' * 32}.safetensors", "records": 1, "removed": ""}] * 2},
        {"segments": [5]},
    ],
    ids=str,
)
def test_a_card_that_lies(tmp_path: Path, changes: dict[str, Any]) -> None:
    found = made(tmp_path, 3)
    changed(found.folder, **changes)
    with pytest.raises(MMZooError, match="is not the card of an index"):
        Store(found.folder)


def test_what_is_no_index(tmp_path: Path) -> None:
    with pytest.raises(MMZooError, match=r"is not an index: it has no index\.json"):
        Store(tmp_path)
    (tmp_path / CARD).write_text("[" * 10**5)
    with pytest.raises(MMZooError, match="build the index again"):
        Store(tmp_path)
    found = made(tmp_path)
    segment = found.folder / found.card.segments[0].file
    segment.rename(tmp_path / "elsewhere")
    with pytest.raises(MMZooError, match="is missing; build the index again"):
        Store(found.folder)
    segment.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MMZooError, match="is a link"):
        Store(found.folder)
    segment.unlink()
    os.mkfifo(segment)
    with pytest.raises(MMZooError, match="not a plain file"):
        Store(found.folder)
    (tmp_path / "link").symlink_to(found.folder)
    with pytest.raises(MMZooError, match="is a link or a file"):
        Store.create(tmp_path / "link", card(), entries(3), overwrite=True)


def test_a_folder_with_something_of_the_users_is_not_replaced(tmp_path: Path) -> None:
    found = made(tmp_path, 3)
    (found.folder / "mine.txt").write_text("mine")
    with pytest.raises(MMZooError, match=r"mine\.txt' is not what mmzoo writes"):
        Store.create(found.folder, card(), entries(5), overwrite=True)
    (found.folder / "mine.txt").unlink()
    assert len(Store.create(found.folder, card(), entries(5), overwrite=True)) == 5


LIES: dict[str, Callable[[dict[str, np.ndarray]], None]] = {
    "rows of a record that is not there": lambda a: a.update(records=a["records"] + 1),
    "rows of a negative record": lambda a: a.update(records=a["records"] - 1),
    "rows out of order": lambda a: a.update(records=a["records"][::-1].copy()),
    "an input that is not there": lambda a: a.update(inputs=a["inputs"] + np.uint8(5)),
    "a vector too few": lambda a: a.update(vectors=a["vectors"][1:]),
    "longer vectors": lambda a: a.update(vectors=np.repeat(a["vectors"], 2, axis=1)),
    "vectors of bytes": lambda a: a.update(vectors=a["vectors"].astype(np.int8)),
    "ends that go back": lambda a: a.update(ids_ends=a["ids_ends"][::-1].copy()),
    "ends beyond the end": lambda a: a.update(shown_ends=a["shown_ends"] + 1),
    "files of another record": lambda a: a.update(files_ends=a["files_ends"][:-1]),
    "names as numbers": lambda a: a.update(ids=a["ids"].astype(np.int32)),
    "something else": lambda a: a.update(more=np.zeros(3, np.uint8)),
    "nothing": lambda a: a.clear(),
}


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    path.write_bytes(header_of(arrays) + b"".join(np.ascontiguousarray(each).tobytes() for each in arrays.values()))


def arrays_of(records: list[Entry]) -> dict[str, np.ndarray]:
    columns = Columns.of(records, [*INPUTS], DIM, "float16")
    found = {f"{name}_ends": np.cumsum(each[0]) for name, each in columns.blobs.items()}
    found |= {"records": columns.record, "vectors": columns.vectors, "inputs": columns.input}
    return found | {name: each[1] for name, each in columns.blobs.items()}


@pytest.mark.parametrize("lie", LIES)
def test_a_segment_that_lies(tmp_path: Path, lie: str) -> None:
    found, arrays = made(tmp_path, 7), arrays_of(entries(7))
    segment = found.folder / found.card.segments[0].file
    write_arrays(segment, arrays)
    assert names(Store(found.folder), np.ones(DIM), 1)
    LIES[lie](arrays)
    write_arrays(segment, arrays)
    with pytest.raises(MMZooError, match="is not a segment that mmzoo writes"):
        Store(found.folder)


def test_a_segment_that_is_damaged(tmp_path: Path) -> None:
    """Cut anywhere or with a byte changed, it is refused or read as data; vectors that are not finite are refused."""
    found = made(tmp_path, 7)
    segment = found.folder / found.card.segments[0].file
    whole = segment.read_bytes()
    for size in range(0, len(whole), 97):
        segment.write_bytes(whole[:size])
        with pytest.raises(MMZooError, match="build the index again"):
            Store(found.folder)
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(whole), 150).tolist():
        segment.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << int(rng.integers(8))]) + whole[place + 1 :])
        try:
            names(Store(found.folder), np.ones(DIM), 10)
        except MMZooError as error:
            assert "again" in str(error)
    arrays = arrays_of(entries(7))
    arrays["vectors"] = arrays["vectors"].copy()
    arrays["vectors"][3, 2] = np.inf
    write_arrays(segment, arrays)
    with pytest.raises(MMZooError, match="has vectors that are not finite"):
        names(Store(found.folder), np.ones(DIM))


def test_what_a_strangers_segment_shows_is_text_or_a_path(tmp_path: Path) -> None:
    found = made(tmp_path, 1)
    segment = found.folder / found.card.segments[0].file
    for shown in ('{"words": {"html": "x"}}', '{"words": 5}', '{"other": {"text": "x"}}', "[" * 5000, "5", "{"):
        arrays = arrays_of(entries(1))
        arrays |= {"shown": np.frombuffer(shown.encode(), np.uint8), "shown_ends": np.array([len(shown)])}
        write_arrays(segment, arrays)
        with pytest.raises(MMZooError, match="build the index again"):
            names(Store(found.folder), np.ones(DIM))
