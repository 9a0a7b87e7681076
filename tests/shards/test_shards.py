"""Shards: what went in comes out, damage is named, and a killed writing ends with the same bytes."""

from __future__ import annotations

import io
import json
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from PIL import Image as Pillow

import mmzoo
from mmzoo import datasets
from mmzoo.cli import main
from mmzoo.data.faults import Faults
from mmzoo.data.guess import load_table, table_spec
from mmzoo.data.records import Records, decode
from mmzoo.data.shards.folder import read_shards, write_shards
from mmzoo.data.table import Source
from mmzoo.datasets import open_source
from mmzoo.errors import DataError, MMZooError

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty records; some cells are empty."""
    folder = tmp_path_factory.mktemp("files")
    lines = ["photo,noise,note,weight,shop,split,colour"]
    for k in range(40):
        Pillow.fromarray(RANDOM.integers(0, 256, (20, 20, 3)).astype(np.uint8)).save(folder / f"{k}.png")
        soundfile.write(folder / f"{k}.wav", RANDOM.normal(size=800) * 0.1, 16000)
        photo = "" if k == 5 else f"{k}.png"
        split = "train" if k < 28 else "validation" if k < 32 else "test"
        lines.append(
            f"{photo},{k}.wav,{'' if k == 6 else f'thé note {k}'},{k / 7},{'ab'[k % 2]},{split},{'ru'[k % 2]}ed"
        )
    (folder / "things.csv").write_text("\n".join(lines), "utf-8")
    return folder / "things.csv"


@pytest.fixture(scope="module")
def shards(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards") / "made"
    assert write_shards(open_source(f"{table}#colour"), folder, records=7) == 40
    return folder


def copied(shards: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shards, tmp_path / "copy"))


def test_what_went_in_comes_out(table: Path, shards: Path) -> None:
    """The spec and every decoded tensor of every split are those of the table."""
    spec, splits = load_table(table, "colour")
    packed_spec, packed = load_table(shards, "colour")
    assert packed_spec == spec
    spec = spec.fit(splits[0])
    for one, other in zip(splits, packed, strict=True):
        assert one.ids == other.ids
        wanted, found = decode(spec, one), decode(spec, other)
        for name, array in wanted.items():
            np.testing.assert_array_equal(found[name], array, name)
        assert list(one.column("colour")) == list(other.column("colour"))
    assert len(datasets.load(f"{shards}#colour")[0]) == 28


def test_any_order_and_other_programs(shards: Path) -> None:
    everything = read_shards(shards)
    chosen = everything.select([39, 3, 3, 20])
    assert [chosen[k]["note"] for k in range(4)] == ["thé note 39", "thé note 3", "thé note 3", "thé note 20"]
    assert everything[5]["photo"] is None
    files = sorted(str(path) for path in shards.glob("*.tfrecord"))
    assert len(files) == 6
    parsed = [tf.train.Example.FromString(record.numpy()) for record in tf.data.TFRecordDataset(files)]
    assert len(parsed) == 40
    assert parsed[7].features.feature["note"].bytes_list.value[0].decode() == "thé note 7"


def test_damage_is_named_with_its_place(shards: Path, tmp_path: Path) -> None:
    folder = copied(shards, tmp_path)
    offsets = json.loads((folder / "shard-00001.json").read_text())["offsets"]
    data = bytearray((folder / "shard-00001.tfrecord").read_bytes())
    for place in (offsets[3], offsets[3] + 5, offsets[3] + 100, offsets[4] - 1):
        flipped = bytearray(data)
        flipped[place] ^= 16
        (folder / "shard-00001.tfrecord").write_bytes(flipped)
        records = read_shards(folder)
        assert records[9]["photo"]
        with pytest.raises(
            DataError, match=rf"shard-00001.*damaged at byte {offsets[3]} \(record 'line 12'\)"
        ) as caught:
            records[10]["photo"]
        assert caught.value.cause == "damaged_shard"


def test_a_shard_that_is_cut_is_named_at_once(shards: Path, tmp_path: Path) -> None:
    folder = copied(shards, tmp_path)
    path = folder / "shard-00002.tfrecord"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(DataError, match=r"shard-00002.*cut short.*record 'line 22' at byte \d+ is the first"):
        read_shards(folder)
    path.unlink()
    with pytest.raises(DataError, match="cut short: 0 of"):
        read_shards(folder)


def test_bad_folders(table: Path, shards: Path, tmp_path: Path) -> None:
    with pytest.raises(MMZooError, match="does not exist"):
        read_shards(tmp_path)
    folder = copied(shards, tmp_path)
    with pytest.raises(MMZooError, match="another source or size"):
        write_shards(open_source(f"{table}#colour"), folder, records=8)
    (folder / "index.json").write_text("{")
    with pytest.raises(MMZooError, match="is not the JSON that mmzoo writes"):
        read_shards(folder)
    (folder / "index.json").unlink()
    with pytest.raises(MMZooError, match="holds something else"):
        write_shards(open_source(f"{table}#colour"), folder)
    with pytest.raises(MMZooError, match="number of records in a shard"):
        write_shards(open_source(f"{table}#colour"), tmp_path / "new", records=0)


def test_bad_files_are_left_out_and_counted(table: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(table.parent, tmp_path / "files"))
    (home / "3.png").write_bytes(b"rust")
    (home / "9.wav").write_bytes(b"")
    source = open_source(f"{home / table.name}#colour")
    with pytest.raises(DataError, match="Record 'line 5'"):
        write_shards(source, tmp_path / "refused")
    for policy, left in (("skip", 38), ("mask", 40)):
        faults = Faults(policy, 0.1)
        assert write_shards(source, tmp_path / policy, records=10, faults=faults) == left
        assert faults.counts == {"empty_file": 1, "junk_image": 1}
        again = Faults(policy, 0.1)  # nothing is written anew, and nothing forgotten
        assert write_shards(source, tmp_path / policy, records=10, faults=again) == left
        assert again.counts == faults.counts
    with pytest.raises(MMZooError, match="over the budget"):
        write_shards(source, tmp_path / "budget", faults=Faults("skip"))


def test_damage_that_no_checksum_of_a_record_shows(shards: Path, tmp_path: Path) -> None:
    """In the indexes, or while records are read: one sentence that names the file, and writing again mends it."""
    folder = copied(shards, tmp_path)
    last = read_shards(folder).column("photo")
    gone = folder / "shard-00005.tfrecord"
    gone.rename(tmp_path / "away")
    with pytest.raises(DataError, match=r"shard-00005.tfrecord' cannot be read") as caught:
        last[39]
    assert caught.value.cause == "unreadable_file"
    (tmp_path / "away").rename(gone)
    place = folder / "shard-00003.json"
    whole = place.read_bytes()
    for changed in (whole.replace(b'"red"', b'"ued"', 1), whole[:50]):
        assert changed != whole
        place.write_bytes(changed)
        with pytest.raises(DataError, match=r"shard-00003.json' is damaged \(its SHA-256 .*; write the shards again"):
            read_shards(folder)


def test_a_writing_that_cannot_begin(table: Path, shards: Path, tmp_path: Path) -> None:
    folder = copied(shards, tmp_path)
    (folder / "index.json").write_text("[")
    with pytest.raises(MMZooError, match=r"index.json' is not the JSON that mmzoo writes"):
        write_shards(open_source(f"{table}#colour"), folder, records=7)
    (tmp_path / "file").touch()
    with pytest.raises(MMZooError, match=r"The folder .* cannot be made \(File exists\)"):
        write_shards(open_source(f"{table}#colour"), tmp_path / "file")


def test_a_changed_index_is_written_anew(table: Path, shards: Path, tmp_path: Path) -> None:
    folder = copied(shards, tmp_path)
    place = folder / "shard-00003.json"
    place.write_bytes(place.read_bytes()[:-1] + b" }")
    write_shards(open_source(f"{table}#colour"), folder, records=7)
    assert digest(folder) == digest(shards)


def test_a_shard_ends_at_its_size_too(table: Path, tmp_path: Path) -> None:
    """No shard, which is in memory while it is written, grows by more than a record beyond it."""
    source = open_source(f"{table}#colour")
    assert write_shards(source, tmp_path / "out", size=10_000) == 40
    sizes = [path.stat().st_size for path in sorted((tmp_path / "out").glob("*.tfrecord"))]
    assert len(sizes) > 5
    assert all(10_000 <= size < 14_000 for size in sizes[:-1])
    assert read_shards(tmp_path / "out").ids == [record for part in source.splits.values() for record in part.ids]
    before = digest(tmp_path / "out")
    (tmp_path / "out" / "shard-00004.tfrecord").unlink()
    write_shards(source, tmp_path / "out", size=10_000)
    assert digest(tmp_path / "out") == before


def test_what_is_no_file(tmp_path: Path) -> None:
    """Waveforms with and without their rate, numbers in a CSV, labels that are lists; and splits that there are not."""
    (tmp_path / "numbers.csv").write_text("x,y\n1,2\n3,\n")
    columns = {
        "wave": [(np.arange(9, dtype=np.int16), 8000), RANDOM.normal(size=1600).astype(np.float32)],
        "motion": [str(tmp_path / "numbers.csv"), np.ones((4, 2), np.float32)],
        "tags": [["a", "b"], []],
        "kind": ["x", "y"],
    }
    columns = {name: values * 2 for name, values in columns.items()}
    kinds = {"wave": "audio", "motion": "sensor", "tags": "ignore", "kind": "category"}
    write_shards(Source("memory", {"all": Records(columns)}, kinds, "tags"), tmp_path / "out")
    table = read_shards(tmp_path / "out")
    assert "split" not in table.columns
    samples, rate = soundfile.read(io.BytesIO(table.column("wave")[0]), dtype="int16")
    assert (samples.tolist(), rate) == (list(range(9)), 8000)
    np.testing.assert_array_equal(table.column("wave")[1], columns["wave"][1])
    np.testing.assert_array_equal(table.column("motion")[0], [[1, 2], [3, np.nan]])
    assert table.column("tags") == [["a", "b"], [], ["a", "b"], []]
    spec, _ = table_spec(table, "kind")
    assert spec.input_names == ["wave", "motion"]


def digest(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.long
def test_a_killed_writing_goes_on_to_the_same_bytes(table: Path, shards: Path, tmp_path: Path) -> None:
    """SIGKILL at random moments, until one run gets through."""
    folder = tmp_path / "killed"
    slow = (
        "import sys, time; import mmzoo.data.shards.folder as home; write = home.write_file\n"
        "def slowly(path, data):\n    time.sleep(0.04); write(path, data)\n"
        "home.write_file = slowly\n"
        "from mmzoo.datasets import open_source\n"
        "print('ready', flush=True)\n"
        "home.write_shards(open_source(sys.argv[1]), home.Path(sys.argv[2]), records=7)"
    )
    chance = random.Random(0)
    for kills in range(20):
        command = [sys.executable, "-c", slow, f"{table}#colour", str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout
            process.stdout.readline()
            try:
                process.wait(chance.uniform(0.05, 0.6) if kills < 6 else None)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
        if process.returncode == 0:
            break
    assert process.returncode == 0
    assert kills >= 1
    assert digest(folder) == digest(shards)


@pytest.mark.long
def test_training_from_shards(shards: Path, tmp_path: Path) -> None:
    """The weights are the same bytes whether files are decoded once or for each batch."""
    spec = mmzoo.Spec([mmzoo.Image("photo", size=16)], "concat", [mmzoo.Binary("colour", labels=["red", "ued"])], dim=8)
    train = load_table(shards, "colour")[1][0].select([k for k in range(28) if k != 5])
    weights = []
    for memory in (0, 4):
        settings = mmzoo.Training(epochs=1, batch_size=8, memory=memory)
        run = mmzoo.train(spec, train, training=settings, out=tmp_path / str(memory))
        weights.append((run.folder / "model" / "weights.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_the_command(shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "shard", f"{shards}#colour", str(tmp_path / "again"), "--records", "20"]) == 0
    assert "40 records in" in capsys.readouterr().out
    assert read_shards(tmp_path / "again").ids == read_shards(shards).ids
    assert main(["data", "shard", f"{shards}#colour", str(tmp_path / "again"), "--records", "21"]) == 2


def test_values_that_are_no_files_are_read_from_shards_as_they_are_read_without(tmp_path: Path) -> None:
    """Pictures of Pillow in any mode, sounds of any type and way round, files in dicts."""
    pixels = Pillow.fromarray(RANDOM.integers(0, 256, (40, 20, 3)).astype(np.uint8))
    clear = Pillow.fromarray(RANDOM.integers(0, 256, (40, 20, 4)).astype(np.uint8), "RGBA")
    file = io.BytesIO()
    pixels.save(file, "PNG")
    tone = np.sin(np.arange(800) / 5).astype(np.float32) / 2
    whole = (tone * 2**31).astype(np.int32)
    pictures = [pixels, pixels.quantize(8), clear, pixels.convert("CMYK"), {"bytes": file.getvalue(), "path": None}]
    sounds = [
        (whole, 8000),
        np.stack([tone, tone]),
        (np.stack([tone, -tone / 2]), 8000),
        tone,
        {"array": whole, "sampling_rate": 8000},
    ]
    records = Records({"image": pictures, "sound": sounds}, [str(k) for k in range(5)])
    write_shards(Source("made", {"all": records}, {"image": "image", "sound": "audio"}, ""), tmp_path / "made")
    found = read_shards(tmp_path / "made")
    image, audio = mmzoo.Image("image", size=20), mmzoo.Audio("sound", sample_rate=16000, seconds=0.1)
    for k in range(5):
        np.testing.assert_array_equal(image.decode(found.column("image")[k]), image.decode(pictures[k]), str(k))
        np.testing.assert_allclose(audio.decode(found.column("sound")[k]), audio.decode(sounds[k]), atol=1e-6)
