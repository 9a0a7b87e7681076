"""Shards: what is written is what is read, a killed run ends with the same bytes, and damage is named by its offset."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from PIL import Image as Pillow

import mmzoo
from mmzoo.cli import main
from mmzoo.data import shards as reader
from mmzoo.data.check import check
from mmzoo.data.faults import Faults, usable
from mmzoo.data.guess import load_table
from mmzoo.data.records import Records, decode, encode_labels
from mmzoo.data.shard_writer import write_shards
from mmzoo.data.shards import read_shards
from mmzoo.data.sources import Source, open_source
from mmzoo.data.tfrecord import framed, read_framed
from mmzoo.errors import DataError, MMZooError
from mmzoo.stored import opened

COUNT = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of every kind of column; some cells are empty."""
    home = tmp_path_factory.mktemp("table")
    rng = np.random.default_rng(0)
    lines = ["photo,noise,motion,note,weight,shop,colour"]
    for k in range(COUNT):
        level = 200 if k % 2 else 40
        Pillow.fromarray(rng.integers(level - 30, level + 30, (20, 20, 3)).astype(np.uint8)).save(home / f"{k}.png")
        soundfile.write(home / f"{k}.wav", np.sin(np.arange(4000) * (0.2 + 0.01 * k)) * 0.3, 8000)
        np.save(home / f"{k}.npy", rng.normal(size=(12, 2)).astype(np.float32))
        photo = f"{k}.png" if k % 7 else ""
        note = f'"{"dark" if level == 40 else "bright"} thing, nr {k} ü"' if k % 5 else ""
        colour = "red" if k % 2 else "blue"
        lines.append(f"{photo},{k}.wav,{k}.npy,{note},{0.1 + k},{'north' if k % 3 else 'south'},{colour}")
    (home / "things.csv").write_text("\n".join(lines))
    return home


@pytest.fixture(scope="module")
def written(folder: Path) -> Path:
    """The same as shards, of seven records each."""
    write_shards(open_source(f"{folder / 'things.csv'}#colour"), folder / "shards", records_per_shard=7)
    return folder / "shards"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_shards_hold_what_the_table_holds(folder: Path, written: Path) -> None:
    table, stored = open_source(f"{folder / 'things.csv'}#colour"), open_source(f"{written}#colour")
    assert stored.kinds == {**table.kinds, "split": "category"}
    for split, records in table.splits.items():
        found = stored.splits[split]
        assert found.ids == records.ids
        for name, kind in table.kinds.items():
            for before, after in zip(records.column(name), found.column(name), strict=True):
                if kind in ("image", "audio"):
                    assert (None if before is None else Path(before).read_bytes()) == opened(after)
                elif kind == "sensor":
                    np.testing.assert_array_equal(np.load(before), opened(after))
                else:
                    assert before == after, "exactly, numbers too"


def test_tensorflow_reads_the_shards(written: Path) -> None:
    """The format is TFRecord of tf.train.Example: read by TensorFlow alone, with its own checksums."""
    table = read_shards(written)
    files = [str(written / facts["file"]) for part in reader.read_index(written)["splits"].values() for facts in part]
    features = {
        name: tf.io.FixedLenFeature([], kind, default)
        for name, kind, default in (
            ("mmzoo/id", tf.string, None),
            ("photo", tf.string, ""),
            ("note", tf.string, ""),
            ("weight", tf.float32, None),
            ("colour", tf.string, None),
        )
    }
    rows = tf.data.TFRecordDataset(files).map(lambda data: tf.io.parse_single_example(data, features))
    found = list(rows.as_numpy_iterator())
    assert [row["mmzoo/id"].decode() for row in found] == table.ids
    assert [row["photo"] or None for row in found] == [opened(value) for value in table.column("photo")]
    assert [row["note"].decode() or None for row in found] == table.column("note")
    assert [row["weight"] for row in found] == [np.float32(value) for value in table.column("weight")]
    assert [row["colour"].decode() for row in found] == table.column("colour")


def test_the_index_has_the_hashes_of_the_shards(written: Path) -> None:
    for part in reader.read_index(written)["splits"].values():
        for facts in part:
            data = (written / facts["file"]).read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (facts["bytes"], facts["sha256"])


def test_frames_are_tensorflows(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    values = [rng.bytes(size) for size in (0, 1, 12, 5000)]
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for value in values:
            writer.write(value)
    ours = [framed(value) for value in values]
    assert (tmp_path / "theirs").read_bytes() == b"".join(ours)
    start = 0
    for value, frame in zip(values, ours, strict=True):
        assert read_framed(tmp_path / "theirs", start, start + len(frame)) == value
        start += len(frame)


def test_a_model_sees_no_difference(folder: Path, written: Path) -> None:
    """Guessed spec, splits, tensors and labels are those of the table."""
    spec, splits = load_table(folder / "things.csv", "colour")
    same, stored = load_table(written, "colour")
    assert same.to_json() == spec.to_json()
    fitted = spec.fit(splits[0])
    assert same.fit(stored[0]).to_json() == fitted.to_json()
    for before, after in zip(splits, stored, strict=True):
        for one, other in (
            (decode(fitted, before), decode(fitted, after)),
            (decode(fitted, before), decode(fitted, after, memory=0)),
            (encode_labels(fitted, before), encode_labels(fitted, after)),
        ):
            assert list(one) == list(other)
            for name in one:
                np.testing.assert_array_equal(one[name], other[name][:])


def test_labels_are_read_without_pictures(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    real = reader.read_framed
    monkeypatch.setattr(reader, "read_framed", lambda *place: read.append(place) or real(*place))
    spec, (train, _, _) = load_table(written, "colour")
    begun = len(read)  # the guess looks at some sounds and one sensor file
    encode_labels(spec, train)
    train.select(range(5)).column("photo")
    usable(mmzoo.Spec([item for item in spec.inputs if item.kind == "text"], "concat", spec.tasks), train, Faults())
    assert len(read) == begun
    decode(spec.subset(["photo"]), train.select([k for k, v in enumerate(train.column("photo")) if v is not None][:3]))
    assert len(read) == begun + 3, "a record a time, and only those asked for"


def test_check_finds_the_same(folder: Path, written: Path) -> None:
    table, stored = (check(open_source(f"{name}#colour")).to_json() for name in (folder / "things.csv", written))
    for found in (table, stored):
        del found["source"], found["columns"]
    assert table == stored


def test_a_run_trains_and_evaluates_on_shards(
    written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(written.parent)
    command = ["train", "shards", "--label", "colour", "--inputs", "motion", "--epochs", "1"]
    assert main([*command, "--out", str(tmp_path / "run")]) == 0, capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "run"]) == 0
    assert "accuracy" in capsys.readouterr().out


# Values in memory


def in_memory() -> Source:
    """Arrays, waveforms with and without their rate, lists, mappings, and a label that is an array."""
    rng = np.random.default_rng(2)
    columns: dict[str, list[Any]] = {
        "picture": [rng.integers(0, 255, (5, 6, 3), np.uint8), None, b"not looked at"],
        "wave": [rng.normal(size=30).astype(np.float32), (np.arange(9, dtype=np.int16), 8000), None],
        "clip": [rng.integers(0, 255, (2, 4, 4, 3), np.uint8) for _ in range(3)],
        "tags": [["a", "b"], [], None],
        "row": [{"age": 3.5, "city": "x"}, {"age": None}, {}],
        "stars": [4, np.int64(5), float("nan")],
        "target": [np.array([0.1, 0.2]), np.array([0.3, 0.4]), np.array([0.5, 0.6])],
    }
    kinds = dict.fromkeys(columns, "ignore") | {"picture": "image", "wave": "audio", "clip": "video", "target": "audio"}
    return Source("memory", {"all": Records(columns)}, kinds, "target")


def test_values_in_memory_come_back_exactly(tmp_path: Path) -> None:
    source = in_memory()
    write_shards(source, tmp_path / "out")
    table, records = read_shards(tmp_path / "out"), source.splits["all"]
    for name in ("picture", "clip"):
        for before, after in zip(records.column(name), table.column(name), strict=True):
            np.testing.assert_array_equal(opened(after), before)
    np.testing.assert_array_equal(opened(table.column("wave")[0]), records.column("wave")[0])
    samples, rate = opened(table.column("wave")[1])
    assert (samples.tolist(), samples.dtype, rate) == (list(range(9)), np.int16, 8000)
    assert table.column("wave")[2] is None
    assert table.column("tags") == [["a", "b"], [], None]
    assert table.column("row") == [{"age": 3.5, "city": "x"}, {"age": None}, {}]
    assert table.column("stars") == [4, 5, None]
    assert table.column("target") == [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]


def test_what_a_shard_cannot_hold_is_named(tmp_path: Path) -> None:
    source = Source("memory", {"all": Records({"x": ["a", object()]}, ["one", "two"])}, {"x": "ignore"})
    with pytest.raises(MMZooError, match="Record 'two': Column 'x' holds object, which a shard cannot hold; give text"):
        write_shards(source, tmp_path / "out")


def test_a_bad_record_is_named(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("photo,colour\na.png,red\nb.png,blue\n")
    (tmp_path / "a.png").write_bytes((folder / "1.png").read_bytes())
    with pytest.raises(DataError, match=r"Record 'line 3': The image file '.*b.png' does not exist") as found:
        write_shards(open_source(str(table)), tmp_path / "out")
    assert found.value.cause == "missing_file"
    (tmp_path / "b.png").write_bytes((folder / "2.png").read_bytes())
    write_shards(open_source(str(table)), tmp_path / "out")  # goes on
    assert [opened(value) for value in read_shards(tmp_path / "out").column("photo")] == [
        (folder / f"{k}.png").read_bytes() for k in (1, 2)
    ]


# Stopped and gone on with


def many() -> Source:
    """Records whose shards take about a second to write."""
    rng = np.random.default_rng(3)
    parts = {}
    for split, count in (("train", 200), ("test", 50)):
        columns = {"picture": [rng.bytes(int(size)) for size in rng.integers(1, 3000, count)]}
        parts[split] = Records({**columns, "label": [str(k % 3) for k in range(count)]})
    return Source("many", parts, {"picture": "image", "label": "category"}, "label")


def write_many(out: str) -> None:
    write_shards(many(), out, records_per_shard=2)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("unbroken") / "out"
    write_many(str(out))
    return contents(out)


def test_a_killed_run_ends_with_the_same_bytes(tmp_path: Path, unbroken: dict[str, bytes]) -> None:
    """SIGKILL at random moments, again and again; no shard is written twice."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.test_shards"])
    rng = np.random.default_rng(4)
    out, killed, grown = tmp_path / "out", 0, []
    for _ in range(200):
        process = context.Process(target=write_many, args=(str(out),))
        process.start()
        begun = len(list(out.glob("*.json"))) if out.exists() else 0
        while process.is_alive() and (len(list(out.glob("*.json"))) if out.exists() else 0) <= begun:
            time.sleep(0.001)
        process.join(rng.uniform(0, 0.05))
        if process.is_alive():
            os.kill(process.pid or 0, signal.SIGKILL)
            killed += 1
            process.join()
            grown.append(len(list(out.glob("*.json"))))
            continue
        assert process.exitcode == 0
        break
    assert killed >= 5, "it was too fast to be killed"
    assert grown == sorted(grown), "what was written stays"
    assert contents(out) == unbroken


def test_ctrl_c_says_what_to_do_and_goes_on(tmp_path: Path, unbroken: dict[str, bytes]) -> None:
    source = many()

    class Stopped(Records):
        def rows(self, first: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
            for k, row in enumerate(super().rows(first)):
                if k == 131:
                    raise KeyboardInterrupt
                yield row

    train = source.splits["train"]
    broken = {**source.splits, "train": Stopped(train.columns, train.ids)}
    with pytest.raises(KeyboardInterrupt, match="stopped; the same command goes on after the last"):
        write_shards(Source("many", broken, source.kinds, "label"), tmp_path / "out", records_per_shard=2)
    assert len(list((tmp_path / "out").glob("*.tfrecord"))) == 64
    with pytest.raises(MMZooError, match="are not finished; run the mmzoo shard command that began them"):
        read_shards(tmp_path / "out")
    write_many(str(tmp_path / "out"))
    assert contents(tmp_path / "out") == unbroken


def test_a_full_disk_is_said_and_gone_on_from(tmp_path: Path) -> None:
    """A real limit: no file of this process may have more than 40 kB."""
    source = Source("big", {"all": Records({"x": [bytes([k]) * 9000 for k in range(12)]})}, {"x": "image"})
    write_shards(source, tmp_path / "whole", records_per_shard=6)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, old[1]))
    try:
        with pytest.raises(MMZooError, match=r"could not be written .*; free some space, then the same command goes"):
            write_shards(source, tmp_path / "out", records_per_shard=6)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["index.json"]
    write_shards(source, tmp_path / "out", records_per_shard=6)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_written_shards_are_kept_as_they_are(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_many(str(out))
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.name != "index.json"}
    write_many(str(out))
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.name != "index.json"} == before


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    source = in_memory()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(MMZooError, match="is not empty and has no shards; give another folder"):
        write_shards(source, tmp_path / "mine")
    write_shards(source, tmp_path / "out")
    with pytest.raises(MMZooError, match="holds shards with another limit; give another folder"):
        write_shards(source, tmp_path / "out", size=5)
    other = Source(source.name, {"all": source.splits["all"].select([1, 0, 2])}, source.kinds, source.label)
    with pytest.raises(MMZooError, match="has other records than the source now"):
        write_shards(other, tmp_path / "out")


def test_a_shard_ends_at_its_size(tmp_path: Path) -> None:
    about = write_shards(many(), tmp_path / "out", size=20_000)
    sizes = [facts["bytes"] for facts in about["splits"]["train"]]
    assert len(sizes) > 5
    assert all(20_000 <= size < 23_500 for size in sizes[:-1]), "the record that reaches the limit is the last"


# Damage


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    write_shards(many(), tmp_path / "out", records_per_shard=50)
    return tmp_path / "out"


def test_any_flipped_bit_is_found_and_named_by_its_offset(damaged: Path) -> None:
    path = damaged / "test-00000.tfrecord"
    whole = path.read_bytes()
    offsets = json.loads(path.with_suffix(".json").read_text())["offsets"]
    rng = np.random.default_rng(5)
    frame = np.concatenate([np.arange(12), np.arange(offsets[1] - 4, offsets[1])])  # lengths and checksums too
    for place in [*frame.tolist(), *rng.integers(0, len(whole), 40).tolist()]:
        data = bytearray(whole)
        data[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        values = open_source(f"{damaged}#label").splits["test"].column("picture")
        row = int(np.searchsorted(offsets, place, "right")) - 1
        with pytest.raises(DataError, match=f"in the record at byte {offsets[row]};") as found:
            values[row].read()
        assert found.value.cause == "corrupt_shard"
        for other in {0, row - 1, row + 1, len(values) - 1} - {-1, row, len(values)}:
            values[other].read()


def test_a_damaged_record_can_be_skipped(damaged: Path) -> None:
    """The policies for bad records hold: it is counted by its cause."""
    path = damaged / "test-00000.tfrecord"
    data = bytearray(path.read_bytes())
    data[-6] ^= 1
    path.write_bytes(data)
    spec = mmzoo.Spec(
        [mmzoo.Image("picture", size=16)], "concat", [mmzoo.Classification("label", labels=["0", "1", "2"])]
    )
    faults = Faults("skip", 1.0)
    with pytest.raises(MMZooError, match="No record is left"):  # the others are no pictures
        usable(spec, open_source(f"{damaged}#label").splits["test"], faults)
    assert faults.counts["corrupt_shard"] == 1
    assert f"The shard '{path}' is damaged in the record at byte" in dict(faults.found["corrupt_shard"])["49"]


@pytest.mark.parametrize("size", [0, 1, 500, -1])
def test_a_cut_shard_is_named_at_once(damaged: Path, size: int) -> None:
    path = damaged / "train-00002.tfrecord"
    offsets = json.loads(path.with_suffix(".json").read_text())["offsets"]
    kept = size % offsets[-1]
    os.truncate(path, kept)
    row = int(np.searchsorted(offsets, kept, "right")) - 1
    where = f"cut after {row} of 50 records, at byte {offsets[row]}; copy it again"
    with pytest.raises(MMZooError, match=f"train-00002.tfrecord' has {kept} bytes and not .*{where}"):
        read_shards(damaged)


def test_a_shard_cut_while_it_is_read_is_named(damaged: Path) -> None:
    last = read_shards(damaged).column("picture")[-1]
    path = damaged / "test-00000.tfrecord"
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(DataError, match="is cut short in the record at byte"):
        last.read()
    path.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        last.read()


def test_a_damaged_index_and_a_missing_shard_are_named(damaged: Path) -> None:
    place = damaged / "train-00000.json"
    whole = place.read_bytes()
    place.write_bytes(whole.replace(b'"0"', b'"1"', 1))
    with pytest.raises(MMZooError, match=r"train-00000.json' is damaged: its SHA-256 is not what 'index.json' says"):
        read_shards(damaged)
    place.write_bytes(whole)
    (damaged / "train-00001.tfrecord").unlink()
    with pytest.raises(MMZooError, match=r"train-00001.tfrecord' cannot be read"):
        read_shards(damaged)
    (damaged / "index.json").write_text("{")
    with pytest.raises(MMZooError, match=r"index.json' is damaged"):
        read_shards(damaged)
    with pytest.raises(MMZooError, match="has no shards; write them with: mmzoo shard SOURCE"):
        read_shards(damaged.parent)


def test_the_command_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["shard", f"{folder / 'things.csv'}#colour", str(out), "--size", "1kB"]) == 0
    said = capsys.readouterr().out
    assert "train: " in said
    assert f"mmzoo train {out} --label colour" in said
    assert len(read_shards(out)) == COUNT
    assert main(["shard", f"{folder / 'things.csv'}#colour", str(out), "--size", "2kB"]) == 2
    assert "another limit" in capsys.readouterr().err
