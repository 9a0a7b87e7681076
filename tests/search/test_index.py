"""An index of vectors: what NumPy finds, whatever was added, removed, killed or full."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmzoo.errors import MMZooError
from mmzoo.index import store
from mmzoo.index.card import CARD
from mmzoo.index.columns import Entry
from mmzoo.index.store import Store
from tests.search.index_case import DIM, ROOT, card, entries, entry, group, made, names, wanted


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_what_is_found_is_what_numpy_finds(tmp_path: Path, dtype: str) -> None:
    found = made(tmp_path, 300, dtype)
    query = np.random.default_rng(9).normal(size=DIM)
    for inputs in (("picture", "words"), ("picture",), ("words",)):
        right = wanted(entries(300), query, inputs)
        assert len({*names(found, query, among=inputs)} & {*right[:10]}) >= (10 if dtype == "float16" else 9)
        assert {*names(found, query, 1000, among=inputs)} == {*right}
    ((score,), (row,)) = found.nearest(entries(1)[0].vectors["words"][None], 1)[0]
    told = found.vectors.found(score, int(row))
    assert (told.id, told.input, told.shown) == ("r0", "words", {"words": {"text": "text of r0"}})
    assert told.files == {"picture": b"r0"}
    assert told.score == pytest.approx(1, abs=1e-3 if dtype == "float16" else 1e-2)


def test_bytes_a_vector(tmp_path: Path) -> None:
    """Two bytes a number, or one and four a vector for the scale."""
    sizes = {}
    for dtype in ("float16", "int8"):
        segment = Store.create(tmp_path / dtype, card(dtype), entries(30)).segments[0]
        sizes[dtype] = segment.vectors.nbytes + (0 if segment.scales is None else segment.scales.nbytes)
    assert sizes == {"float16": 50 * DIM * 2, "int8": 50 * (DIM + 4)}


def test_of_equal_vectors_the_first_record_counts_more(tmp_path: Path) -> None:
    same = [replace(entry("a", 900), id=f"same{k}") for k in range(50)]
    found = Store.create(tmp_path / "index", card(), [*entries(20), *same])
    assert names(found, same[0].vectors["words"], 5) == [f"same{k}" for k in range(5)]


def test_added_replaced_and_removed_as_from_a_dictionary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred changes at random; small segments are made one, and nothing but the index's own files stays."""
    monkeypatch.setattr(store, "FEW", 6)
    found, there = made(tmp_path, 5), {each.id: each for each in entries(5)}
    rng = np.random.default_rng(0)
    query = rng.normal(size=DIM)
    for step in range(100):
        some = [entry(f"r{k}", 1000 + 40 * step + k) for k in {*rng.integers(0, 40, 3).tolist()}]
        if rng.random() < 0.4 and len(there) > 2:
            gone = rng.choice(sorted(there), 2, replace=False).tolist()
            assert found.remove(gone) == 2
            there = {name: each for name, each in there.items() if name not in gone}
        else:
            assert found.add_entries(some, overwrite=True) == len(some)
            there |= {each.id: each for each in some}
        assert len(found) == len(there)
        if step % 10 == 9:
            found.reload()
            assert {*names(found, query, 100)} == {*there}
            assert names(found, query, 1) == wanted([*there.values()], query)[:1]
            held = {each.file for each in found.card.segments} | {CARD}
            assert {path.name for path in found.folder.iterdir()} == held
            assert len(held) <= 7
    found.compact()
    assert len(found.card.segments) == 1
    assert {*names(found, query, 100)} == {*there}


def test_compacting_changes_no_vector(tmp_path: Path) -> None:
    found = made(tmp_path, 20, "int8")
    found.add_entries(entries(20, 100))
    found.remove(["r3", "r104"])
    query = np.random.default_rng(5).normal(size=DIM)
    before = names(found, query, 50)
    kept = [part.segment.vectors[part.live] for part in found.vectors.parts]
    found.compact()
    np.testing.assert_array_equal(found.segments[0].vectors, np.concatenate(kept))
    assert names(found, query, 50) == before


def test_what_is_said_of_bad_queries_and_records(tmp_path: Path) -> None:
    found = made(tmp_path, 3)
    query = np.ones(DIM)
    for wrong, said in ((query * np.nan, "not finite"), (query * 0, "is zero"), (query[:-1], "must have 16 numbers")):
        with pytest.raises(MMZooError, match=said):
            found.nearest(wrong[None])
        with pytest.raises(MMZooError, match=f"The vector of 'words' of record 'new'.*{said}"):
            found.add_entries([entry("other", 1), Entry("new", {"words": wrong})])
    for k in (0, -1, 1.5, True):
        with pytest.raises(MMZooError, match="a whole number from 1 on"):
            found.nearest(query[None], k)  # type: ignore[arg-type]
    with pytest.raises(MMZooError, match=r"There is no input in the index '.*' called 'sound'.*picture, words"):
        found.nearest(query[None], among=["sound"])
    with pytest.raises(MMZooError, match=r"'r1' is in the index already.*--overwrite"):
        found.add_entries([entry("new", 1), entry("r1", 1)])
    with pytest.raises(MMZooError, match="two records 'new'"):
        found.add_entries([entry("new", 1), entry("new", 2)])
    with pytest.raises(MMZooError, match="no vector of record 'new'"):
        found.add_entries([Entry("new", {})])
    with pytest.raises(MMZooError, match="has no record 'r7'"):
        found.remove(["r0", "r7"])
    with pytest.raises(MMZooError, match="holds an index already"):
        made(tmp_path)
    assert len(Store(found.folder)) == 3
    assert len([*found.folder.iterdir()]) == 2
    found.remove(["r0", "r1"])
    assert names(found, query) == ["r2"]
    found.remove(["r2"])
    with pytest.raises(MMZooError, match="has no records; add some"):
        found.nearest(query[None])
    found.add_entries([entry("back", 1)])
    assert names(found, query) == ["back"]


def test_the_disk_is_full(tmp_path: Path, little_room: Callable[[int], None]) -> None:
    found = made(tmp_path, 3)
    before = {path.name: path.read_bytes() for path in found.folder.iterdir()}
    little_room(4000)
    with pytest.raises(MMZooError, match=r"could not be written.*free some space"):
        found.add_entries(entries(200, 10))
    with pytest.raises(MMZooError, match=r"could not be written.*free some space"):
        Store.create(tmp_path / "other", card(), entries(200))
    little_room(10**9)
    assert {path.name: path.read_bytes() for path in found.folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert found.add_entries(entries(200, 10)) == 200


CHANGING = """
import sys
from pathlib import Path
from mmzoo.index import store
from tests.search.index_case import group
store.FEW = 4
found = store.Store(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**6):
    print(number, flush=True)
    found.add_entries(group(number))
    if number % 3 == 2:
        found.remove([each.id for each in group(number - 1)])
"""


def test_killed_at_any_moment_it_is_as_before_or_after(tmp_path: Path) -> None:
    """Five records at a time are added or removed, and small segments made one; SIGKILL after other times."""
    found = Store.create(tmp_path / "index", card(), group(0))
    chance = random.Random(0)
    number = 3
    for _ in range(8):
        command = [sys.executable, "-c", CHANGING, str(found.folder), str(number)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            lines = [process.stdout.readline() for _ in range(chance.randrange(1, 8))]
            with suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0, 0.02))
            process.send_signal(signal.SIGKILL)
        found.reload()
        counts = Counter(name.partition("/")[0] for name in names(found, np.ones(DIM), 10**6))
        assert {*counts.values()} == {5}
        assert len(counts) >= len(lines) * 2 // 3  # what was done before stays done
        number = 3 + max(map(int, [*counts, lines[-1]])) // 3 * 3
    found.add_entries(group(number))
    assert {path.name for path in found.folder.iterdir()} == {CARD, *(each.file for each in found.card.segments)}


def test_whoever_reads_meanwhile_sees_one_or_the_other(tmp_path: Path) -> None:
    """An index that was opened before finds what it did, though the files have gone."""
    reader = made(tmp_path, 6)
    before = names(reader, np.ones(DIM), 100)
    writer = Store(reader.folder)
    writer.remove(["r1"])
    writer.compact()
    assert names(reader, np.ones(DIM), 100) == before
    reader.reload()
    assert {*before} - {*names(reader, np.ones(DIM), 100)} == {"r1"}


def test_an_index_that_was_copied_is_an_index(tmp_path: Path) -> None:
    found = made(tmp_path, 5)
    shutil.copytree(found.folder, tmp_path / "copy")
    assert names(Store(tmp_path / "copy"), np.ones(DIM)) == names(found, np.ones(DIM))
