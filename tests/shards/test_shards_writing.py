"""Writing shards: nothing of others is touched, what cannot be written is said, what is written can be read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

import mmzoo
import mmzoo.data.shards.folder as home
import mmzoo.data.shards.indexes as indexes
from mmzoo.cli import main
from mmzoo.data.faults import Faults
from mmzoo.data.records import Records, decode
from mmzoo.data.shards.folder import read_shards, write_shards
from mmzoo.data.shards.kept import Prepared
from mmzoo.data.sources import read_table
from mmzoo.data.table import Source
from mmzoo.errors import DataError, MMZooError
from mmzoo.files.folders import held
from tests.shards.case import everything, source


@pytest.mark.parametrize("name", ["notes.txt", "shard-00000.tfrecord", ".hidden", "sub/file"])
def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path, name: str) -> None:
    there = tmp_path / "out" / name
    there.parent.mkdir(parents=True)
    there.write_text("mine")
    with pytest.raises(MMZooError, match="holds something else already"):
        write_shards(source(), tmp_path / "out")
    assert there.read_text() == "mine"
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_links_are_replaced_not_written_through(tmp_path: Path) -> None:
    """Those of a folder with an unfinished writing, which a stranger has put there."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    write_shards(source(), tmp_path / "out", records=3)
    wanted = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    for name in ("shard-00001.tfrecord", "shard-00001.json"):
        (tmp_path / "out" / name).unlink()
        (tmp_path / "out" / name).symlink_to(victim)
    os.mkfifo(tmp_path / "out" / "left")
    write_shards(source(), tmp_path / "out", records=3)
    assert victim.read_text() == "mine"
    assert {name: (tmp_path / "out" / name).read_bytes() for name in wanted} == wanted
    assert not any((tmp_path / "out" / name).is_symlink() for name in wanted)


def test_an_index_that_counts_more_rows_than_there_are_is_not_believed(tmp_path: Path) -> None:
    """Else what follows would never be written."""
    write_shards(source(), tmp_path / "out", records=3)
    short = source(4)
    assert write_shards(short, tmp_path / "out", records=3) == 4
    assert read_shards(tmp_path / "out").ids == short.splits["all"].ids


@pytest.mark.parametrize(
    ("column", "kind", "value"),
    [
        ("weight", "number", np.inf),
        ("weight", "number", "heavy"),
        ("weight", "number", 10**400),
        ("shop", "category", {"a": 1}),
        ("shop", "category", b"bytes"),
        ("tags", "ignore", [["deep"]]),
        ("tags", "ignore", object()),
        ("motion", "sensor", np.array([{}], object)),
        ("motion", "sensor", np.array(["a"])),
    ],
)
def test_what_cannot_be_written_is_said(tmp_path: Path, column: str, kind: str, value: Any) -> None:
    """And masked or left out where that is the policy; what is written can be read."""
    given = source()
    given.splits["all"].columns[column][4] = value
    with pytest.raises(DataError, match="Record 'line 4'"):
        write_shards(given, tmp_path / "refused")
    assert write_shards(given, tmp_path / "masked", faults=Faults("mask", 1.0)) == 6
    assert everything(tmp_path / "masked")[4][column] is None
    assert write_shards(given, tmp_path / "skipped", faults=Faults("skip", 1.0)) == 5


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    """NumPy's numbers, half a character, sets; and no shard has a larger index than is read."""
    given = source()
    columns = given.splits["all"].columns
    columns["weight"] = [np.float32(1.5), np.int64(3), np.nan, None, 2**53, True]
    columns["shop"] = ["\ud800", "a{b,c}", "", np.str_("x"), "\u2028", "ü"]
    columns["tags"] = [("a",), {"b", "a"}, np.array(["c"]), [], None, ["\udfff"]]
    write_shards(given, tmp_path / "out", records=2)
    rows = everything(tmp_path / "out")
    assert [row["weight"] for row in rows] == [1.5, 3, None, None, 2**53, True]
    assert [row["shop"] for row in rows] == ["\ud800", "a{b,c}", None, "x", "\u2028", "ü"]
    assert [row["tags"] for row in rows] == [["a"], ["a", "b"], ["c"], [], None, ["\udfff"]]

    large = Records({"tags": [["x" * 40] * 30_000 for _ in range(40)]})
    write_shards(Source("memory", {"all": large}, {"tags": "ignore"}, "tags"), tmp_path / "large")
    assert len(list((tmp_path / "large").glob("*.tfrecord"))) > 2
    assert len(everything(tmp_path / "large")) == 40
    with pytest.raises(MMZooError, match="split called 'holdout'"):
        write_shards(Source("memory", {"holdout": large}, {"tags": "ignore"}, "tags"), tmp_path / "split")


def test_a_writing_that_is_killed_before_its_first_shard_goes_on(tmp_path: Path, monkeypatch: Any) -> None:
    """Wherever it stops."""
    real = home.write_file
    for calls in range(4):
        left = [calls]

        def write(path: Path, data: bytes, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            real(path, data)

        with monkeypatch.context() as patch:
            patch.setattr(home, "write_file", write)
            patch.setattr(indexes, "write_file", write)
            with pytest.raises(KeyboardInterrupt):
                write_shards(source(), tmp_path / str(calls), records=3)
        assert write_shards(source(), tmp_path / str(calls), records=3) == 6
        assert len(everything(tmp_path / str(calls))) == 6


def test_one_writes_at_a_time(tmp_path: Path) -> None:
    """And what a killed writing has left beside goes."""
    write_shards(source(), tmp_path / "out", records=3)
    left = tmp_path / "out" / f".mmzoo-{'a' * 32}.new"
    left.write_bytes(b"half")
    with (
        held(tmp_path / "out", "mmzoo data shard"),
        pytest.raises(MMZooError, match="Another mmzoo data shard writes into"),
    ):
        write_shards(source(), tmp_path / "out", records=3)
    write_shards(source(), tmp_path / "out", records=3)
    assert not left.exists()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A table of photographs of different sizes, one of them turned, and of sounds of different rates."""
    folder, random = tmp_path_factory.mktemp("table"), np.random.default_rng(0)
    lines = ["photo,clip,note,y"]
    for k in range(6):
        pixels = random.integers(0, 256, (6, 9, 3)).astype(np.uint8)
        picture = Image.fromarray(pixels).resize((90 + 10 * k, 60), Image.Resampling.BICUBIC)
        turned = picture.getexif()
        turned[0x0112] = 6 if k == 1 else 1
        picture.save(folder / f"{k}.jpg", exif=turned)
        soundfile.write(folder / f"{k}.wav", random.normal(size=(9000, 2)) * 0.1, (8000, 22050)[k % 2])
        lines.append(f"{k}.jpg,{'' if k == 2 else f'{k}.wav'},note {k},{k % 2}")
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    return f"{folder / 't.csv'}#y"


def test_what_is_prepared_is_read_as_the_files_are(
    table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exactly; with --lossy nearly, from fewer bytes."""
    inputs = [mmzoo.Image("photo", size=32), mmzoo.Audio("clip", sample_rate=8000, seconds=0.5), mmzoo.Text("note")]
    spec = mmzoo.Spec(inputs, "concat", [mmzoo.Binary("y")])
    wanted = decode(spec, read_table(table.partition("#")[0]))
    sizes = {}
    for name, more in (("whole", []), ("exact", ["--prepare"]), ("lossy", ["--prepare", "--lossy"])):
        out = tmp_path / name
        recipe = tmp_path / "recipe.py"
        recipe.write_text(
            "import mmzoo\nspec = mmzoo.Spec([mmzoo.Image('photo', size=32), "
            "mmzoo.Audio('clip', sample_rate=8000, seconds=0.5)], 'concat', [mmzoo.Binary('y')])\n"
            "recipe = mmzoo.Recipe(spec, '')\n"
        )
        told = [more[0], str(recipe), *more[1:]] if more else []
        assert main(["data", "shard", table, str(out), *told]) == 0
        found = decode(spec, read_shards(out))
        for key, array in found.items():
            limit = {"photo": 12.0, "clip": 1e-4}.get(key, 0.0) if name == "lossy" else 0.0
            assert np.abs(array.astype(float) - wanted[key].astype(float)).max() <= limit, (name, key)
        sizes[name] = (out / "shard-00000.tfrecord").stat().st_size
    assert sizes["lossy"] < sizes["exact"]
    assert "prepared: photo as uint8 (32, 32, 3), clip as float32 (4000,)" in capsys.readouterr().out
    assert main(["data", "shard", table, str(tmp_path / "exact")]) == 2, "another way to keep them is another source"
    assert "holds shards of another source" in capsys.readouterr().err
    assert main(["data", "shard", table, str(tmp_path / "guess"), "--prepare"]) == 0
    assert main(["data", "shard", table, str(tmp_path / "none"), "--prepare", "emoji"]) == 2
    assert "name the columns as the inputs are called" in capsys.readouterr().err
    assert main(["data", "shard", table, str(tmp_path / "none"), "--lossy"]) == 2


def test_another_rate_is_another_way_to_prepare() -> None:
    """As many samples at another rate are other sounds; what tower reads them does not matter."""
    item = mmzoo.Audio("clip", sample_rate=8000, seconds=1.0)
    words = Prepared([item]).words
    assert words != Prepared([mmzoo.Audio("clip", sample_rate=16000, seconds=0.5)]).words
    assert words == Prepared([mmzoo.Audio("clip", sample_rate=8000, seconds=1.0, tower="lstm")]).words
