"""Records that hold the same are on one side, wherever their table lies and whatever their files are called."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo.data import splits
from mmzoo.data.guess import load_table
from mmzoo.data.splits import parts_of
from mmzoo.errors import MMZooError

RANDOM = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sixty pictures, all different."""
    home = tmp_path / "a"
    (home / "img").mkdir(parents=True)
    lines = ["photo,label"]
    for k in range(60):
        pixels = RANDOM.integers(0, 255, (4, 4, 3), dtype=np.uint8)
        Pillow.fromarray(pixels).save(home / "img" / f"{k}.png")
        lines.append(f"img/{k}.png,{'cat' if k % 2 else 'dog'}")
    (home / "t.csv").write_text("\n".join(lines) + "\n")
    return home


def sides(path: Path) -> dict[str, str]:
    """The side of each picture, by its bytes."""
    table = mmzoo.read_table(path)
    pictures = [Path(value).read_bytes().hex() for value in table.columns["photo"]]
    return dict(zip(pictures, parts_of(table, "label").tolist(), strict=True))


def test_a_table_that_was_moved_renamed_sorted_and_grown(folder: Path, tmp_path: Path) -> None:
    wanted = sides(folder / "t.csv")
    assert set(wanted.values()) == {"train", "validation", "test"}
    shutil.copytree(folder, tmp_path / "b")
    assert sides(tmp_path / "b" / "t.csv") == wanted
    lines = (folder / "t.csv").read_text().splitlines()
    for k in range(60):
        (tmp_path / "b" / "img" / f"{k}.png").rename(tmp_path / "b" / f"other-{k}.png")
    renamed = [line.replace("img/", "other-") for line in lines[:0:-1]]
    (tmp_path / "b" / "t.csv").write_text("\n".join(["photo,label", *renamed]))
    assert sides(tmp_path / "b" / "t.csv") == wanted
    (folder / "more.csv").write_text("\n".join(["n,photo,label", *(f"{k},{line}" for k, line in enumerate(lines[1:]))]))
    assert sides(folder / "more.csv") == wanted


def test_one_picture_under_many_names_is_on_one_side(folder: Path) -> None:
    for k in range(60):
        shutil.copy(folder / "img" / f"{k}.png", folder / f"copy-{k}.png")
    lines = (folder / "t.csv").read_text().splitlines()
    copies = [line.replace("img/", "copy-").replace("dog", "cow") for line in lines[1:]]
    (folder / "t.csv").write_text("\n".join([*lines, *copies]))
    parts = parts_of(mmzoo.read_table(folder / "t.csv"), "label")
    np.testing.assert_array_equal(parts[:60], parts[60:])


def test_pictures_in_memory_are_drawn_as_their_files_are(folder: Path) -> None:
    table = mmzoo.read_table(folder / "t.csv")
    data = [Path(path).read_bytes() for path in table.columns["photo"]]
    held = mmzoo.read_table({"other": data, "label": table.columns["label"]})
    np.testing.assert_array_equal(parts_of(held, "label"), parts_of(table, "label"))


def test_files_that_are_not_there_or_are_empty_have_nothing_in_common(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(f"{k}.png,{'ab'[k % 2]}" for k in range(60)))
    before = parts_of(mmzoo.read_table(tmp_path / "t.csv"), "y")
    assert len(set(before)) == 3
    for k in range(60):
        (tmp_path / f"{k}.png").touch()
    np.testing.assert_array_equal(parts_of(mmzoo.read_table(tmp_path / "t.csv"), "y"), before)


def test_a_file_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    real = splits.open_plain
    monkeypatch.setattr(splits, "open_plain", lambda path: reads.append(path) or real(path))
    table = mmzoo.read_table(folder / "t.csv")
    first = parts_of(table, "label")
    np.testing.assert_array_equal(parts_of(mmzoo.read_table(folder / "t.csv"), "label"), first)
    assert len(reads) == 60


def test_all_records_the_same(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = ["photo,label", *(f"img/{k % 2}.png,{'ab'[k % 2]}" for k in range(40))]
    (folder / "t.csv").write_text("\n".join(lines))
    with pytest.raises(MMZooError, match="records that hold the same stay on one side; give more that differ"):
        load_table(folder / "t.csv", "label")


@pytest.mark.parametrize(("said", "words"), [("", "'split' is empty in line 4"), ("tset", "Did you mean 'test'")])
def test_a_column_that_says_it(tmp_path: Path, said: str, words: str) -> None:
    rows = [f"text {k},{['train', 'validation', ' test '][k % 3]},{'ab'[k % 2]}" for k in range(12)]
    (tmp_path / "t.csv").write_text("x,split,y\n" + "\n".join(rows))
    assert parts_of(mmzoo.read_table(tmp_path / "t.csv"), "y")[:3].tolist() == ["train", "validation", "test"]
    rows[2] = f"text,{said},a"
    (tmp_path / "t.csv").write_text("x,split,y\n" + "\n".join(rows))
    with pytest.raises(MMZooError, match=words):
        parts_of(mmzoo.read_table(tmp_path / "t.csv"), "y")
