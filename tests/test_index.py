"""The vectors of an index on disk: found as NumPy finds them, whole or not at all, and data whoever has written it."""

from __future__ import annotations

import json
import os
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
from typing import Any

import numpy as np
import pytest

from mmzoo.errors import MMZooError
from mmzoo.index import graph, store
from mmzoo.index.card import CARD, Card
from mmzoo.index.columns import Columns, Entry
from mmzoo.index.store import Store
from mmzoo.safetensor_files import header_of

ROOT = Path(__file__).parent.parent
DIM = 16
INPUTS = {"picture": "image", "words": "text"}


def card(dtype: str = "float16", dim: int = DIM) -> Card:
    return Card("0" * 32, "1" * 64, "", "", {}, INPUTS, [*INPUTS], dim, dtype)


def entry(name: str, seed: int, inputs: tuple[str, ...] = ("picture", "words")) -> Entry:
    rng = np.random.default_rng(seed)
    vectors = {each: rng.normal(size=DIM).astype(np.float32) for each in inputs}
    return Entry(name, vectors, {"words": {"text": f"text of {name}"}}, {"picture": name.encode()})


def entries(count: int, first: int = 0) -> list[Entry]:
    """Every third one has no picture."""
    return [entry(f"r{k}", k, ("words",) if k % 3 == 0 else ("picture", "words")) for k in range(first, first + count)]


def made(folder: Path, count: int = 40, dtype: str = "float16") -> Store:
    return Store.create(folder / "index", card(dtype), entries(count))


def names(found: Store, query: np.ndarray, k: int = 10, **options: Any) -> list[str]:
    ((scores, rows),) = found.nearest(query[None], k, **options)
    assert list(scores) == sorted(scores, reverse=True)
    return [found.vectors.found(*pair).id for pair in zip(scores, rows.tolist(), strict=True)]


def wanted(there: list[Entry], query: np.ndarray, inputs: tuple[str, ...] = ("picture", "words")) -> list[str]:
    """By the definition of cosine similarity, in float64; of a record the nearest of its vectors counts."""

    def score(each: Entry) -> float:
        found = [np.float64(each.vectors[name]) for name in inputs if name in each.vectors]
        return max((v @ query / np.linalg.norm(v) / np.linalg.norm(query) for v in found), default=-np.inf)

    return [each.id for each in sorted(there, key=score, reverse=True) if score(each) > -np.inf]


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
from tests.test_index import group
store.FEW = 4
found = store.Store(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**6):
    print(number, flush=True)
    found.add_entries(group(number))
    if number % 3 == 2:
        found.remove([each.id for each in group(number - 1)])
"""


def group(number: int) -> list[Entry]:
    return [entry(f"{number}/{k}", 5 * number + k) for k in range(5)]


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


@pytest.fixture
def linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An index of 3,000 records for which more than 500 vectors are many; the cache is empty."""
    pytest.importorskip("usearch", reason="needs: pip install 'mmzoo[search]'")
    monkeypatch.setenv("MMZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(store, "EXACT", 500)
    return made(tmp_path, 3000)


def overlap(found: Store, queries: np.ndarray, **options: Any) -> float:
    near, exact = found.nearest(queries, 10, **options), found.nearest(queries, 10, exact=True, **options)
    return float(np.mean([len({*a[1]} & {*b[1]}) / 10 for a, b in zip(near, exact, strict=True)]))


def test_many_vectors_are_found_by_a_graph(linked: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = np.random.default_rng(3).normal(size=(40, DIM))
    assert linked.graph is None
    assert overlap(linked, queries) == 1  # without a graph all are looked at
    assert linked.prepare()
    (kept,) = (linked.folder.parent / "cache" / graph.HOME).iterdir()
    assert kept.stat().st_mode & 0o077 == 0
    again = Store(linked.folder)
    assert again.graph is not None
    assert again.graph.segments == 1
    looked: list[int] = []
    monkeypatch.setattr(store, "best", lambda parts, *rest: looked.append(len(parts)) or graph.best(parts, *rest))
    monkeypatch.setattr(graph, "EXPANSION_SEARCH", 256)
    near, exact = again.nearest(queries, 10), linked.nearest(queries, 10, exact=True)
    assert looked == [1]  # only by the one that was told to
    assert np.mean([len({*a[1]} & {*b[1]}) / 10 for a, b in zip(near, exact, strict=True)]) > 0.95
    for (scores, rows), (right, numbers) in zip(near, exact, strict=True):
        known = dict(zip(numbers.tolist(), right.tolist(), strict=True))
        assert all(
            abs(known[row] - score) < 1e-6 for row, score in zip(rows.tolist(), scores, strict=True) if row in known
        )


def test_what_is_added_and_removed_is_known_beside_the_graph(linked: Store) -> None:
    linked.prepare()
    target = entry("new", 9999)
    linked.add_entries([target])
    assert linked.graph is not None
    assert names(linked, target.vectors["picture"], 1) == ["new"]
    linked.remove(["new", *(f"r{k}" for k in range(1000))])
    found = names(linked, target.vectors["picture"], 50)
    assert not {*found} & {"new", *(f"r{k}" for k in range(1000))}
    assert overlap(linked, np.random.default_rng(4).normal(size=(20, DIM)), among=["picture"]) > 0.95
    linked.add_entries(entries(900, 5000))
    assert linked.graph.segments == 1
    assert linked.prepare()
    assert linked.graph.segments == len(linked.segments)


def test_a_graph_of_somebody_else_is_not_read(linked: Store) -> None:
    """One that others may write into, a link, or a file that is none."""
    linked.prepare()
    (kept,) = (linked.folder.parent / "cache" / graph.HOME).iterdir()
    kept.chmod(0o666)
    assert Store(linked.folder).graph is None
    kept.chmod(0o600)
    assert Store(linked.folder).graph is not None
    kept.rename(kept.with_suffix(".other"))
    kept.symlink_to(kept.with_suffix(".other"))
    assert Store(linked.folder).graph is None
    kept.unlink()
    kept.write_bytes(b"no graph")
    kept.chmod(0o600)
    assert Store(linked.folder).graph is None


def test_without_the_library_or_a_cache_every_vector_is_looked_at(
    linked: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(graph, "find_spec", lambda name: None)
        assert not linked.prepare()
        assert "pip install 'mmzoo[search]'" in caplog.text
    monkeypatch.setenv("MMZOO_CACHE", "")
    assert not linked.prepare()
    assert "set MMZOO_CACHE" in caplog.text
    assert len(names(linked, np.ones(DIM))) == 10


def test_an_index_that_was_copied_is_an_index(tmp_path: Path) -> None:
    found = made(tmp_path, 5)
    shutil.copytree(found.folder, tmp_path / "copy")
    assert names(Store(tmp_path / "copy"), np.ones(DIM)) == names(found, np.ones(DIM))
