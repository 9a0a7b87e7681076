"""Paths as Windows writes them, without their folder or their ending: read, or told where the files are."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo.data.tables.nearby import files_below
from mmzoo.errors import DataError, MMZooError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A table's folder with pictures in `some pictures/imgs`, and one outside of it."""
    (tmp_path / "in" / "some pictures" / "imgs").mkdir(parents=True)
    for k in range(30):
        picture = Pillow.fromarray(np.full((8, 8, 3), 8 * k, np.uint8))
        picture.save(tmp_path / "in" / "some pictures" / "imgs" / f"IMG_{k:04d}.png")
    picture.save(tmp_path / "outside.png")
    return tmp_path / "in"


def table(folder: Path, path: str, **options: object) -> mmzoo.data.table.Table:
    lines = [f"{path.format(f'IMG_{k:04d}')},{'ab'[k % 2]},{k * 7919 % 101}" for k in range(30)]
    (folder / "t.csv").write_text("\n".join(["file,kind,size", *lines]))
    return mmzoo.read_table(folder / "t.csv", **options)


def test_backslashes_are_slashes_where_the_file_is_there(folder: Path) -> None:
    found = table(folder, "some pictures\\imgs\\{}.png")
    assert found.kinds["file"] == "image"
    assert found.notes["file"] == "backslashes are read as slashes in 30 paths"
    assert [Path(path).name for path in found.columns["file"]] == [f"IMG_{k:04d}.png" for k in range(30)]
    assert all(Path(path).is_file() for path in found.columns["file"])
    spec, _ = mmzoo.table_spec(found, "kind")
    assert spec.input_names == ["file", "row"]


@pytest.mark.skipif(os.sep != "/", reason="of systems where a name may have a backslash")
def test_a_backslash_in_a_name_stays(folder: Path) -> None:
    for k in range(30):
        (folder / "some pictures" / "imgs" / f"IMG_{k:04d}.png").rename(folder / f"a\\IMG_{k:04d}.png")
    found = table(folder, "a\\{}.png")
    assert "file" not in found.notes
    assert all(Path(path).is_file() and "\\" in path for path in found.columns["file"])


@pytest.mark.parametrize("path", ["..\\outside.png", "some pictures\\..\\..\\outside.png", "\\etc\\passwd.png"])
def test_backslashes_lead_nowhere_else(folder: Path, path: str) -> None:
    (folder / "t.csv").write_text("file,kind\n" + f"some pictures\\imgs\\IMG_0001.png,a\n{path},b\n" * 5)
    found = mmzoo.read_table(folder / "t.csv").columns["file"]
    assert all(isinstance(value, DataError) and "leads out of" in str(value) for value in found[1::2])
    (folder / "t.csv").write_text("file,kind\n" + f"{path},b\n" * 5)
    with pytest.raises(MMZooError, match="leads out of"):
        mmzoo.read_table(folder / "t.csv")


@pytest.mark.parametrize("path", ["{}.png", "imgs/{}.png", "imgs\\{}.png"])
def test_another_root_is_told(folder: Path, path: str) -> None:
    home = folder / "some pictures" if "imgs" in path else folder / "some pictures" / "imgs"
    note = table(folder, path).notes["file"]
    assert note.endswith(f"but 'some pictures/imgs/IMG_0000.png' is below '{folder}'; --root '{home}'")
    with pytest.raises(MMZooError, match=r"Column 'file' is image: .*none of its files is there, but 'some"):
        mmzoo.table_spec(table(folder, path), "kind")
    found = table(folder, path, root=home)
    assert "none of its files" not in found.notes.get("file", "")
    mmzoo.table_spec(found, "kind")


def test_paths_of_another_machine(folder: Path) -> None:
    found = table(folder, "C:\\Users\\me\\{}.png")
    assert found.notes["file"].endswith(f"is below '{folder}'; write the paths from there on")


def test_names_without_endings(folder: Path) -> None:
    found = table(folder, "{}")
    said = "files are called so, such as 'some pictures/imgs/IMG_0000.png': write the names with their endings"
    assert found.notes["file"].endswith(said)
    with pytest.raises(MMZooError, match=r"no column beside 'kind' that a model could read .*with their endings"):
        mmzoo.table_spec(found.without(["size"]), "kind")


def test_nothing_is_told_of_files_elsewhere(folder: Path) -> None:
    assert "file" not in table(folder, "other_{}.png").notes
    assert "files are called so" not in table(folder, "other_{}").notes["file"]
    (folder / "link").symlink_to(folder.parent)
    files_below.cache_clear()
    assert "outside.png" not in files_below(folder)
