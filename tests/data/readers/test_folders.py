"""Folders of files as tables: what their own folders say, and what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo.cli import main
from mmzoo.data.readers import reader_of
from mmzoo.data.sources import open_source, open_table
from mmzoo.errors import MMZooError


def made(home: Path, *paths: str) -> str:
    """A folder of small files; a text says its own path."""
    for number, path in enumerate(paths):
        file = home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".png":
            Pillow.fromarray(np.full((8, 8, 3), 20 * number % 256, np.uint8)).save(file)
        else:
            file.write_text(f"text of {path}")
    return str(home)


def columns(home: str) -> dict[str, list[Any]]:
    return reader_of(home).read(home).columns


def test_the_folders_are_the_labels(tmp_path: Path) -> None:
    home = made(tmp_path, "cat/1.png", "cat/more/2.PNG", "dog/1.png", "dog/.hidden.png", ".git/x.png", "cat/Thumbs.db")
    assert columns(home) == {
        "image": ["cat/1.png", "cat/more/2.PNG", "dog/1.png"],
        "id": ["cat/1", "cat/more/2", "dog/1"],
        "label": ["cat", "cat", "dog"],
    }


def test_files_of_one_name_are_one_record(tmp_path: Path) -> None:
    """Of several kinds; two of one kind are two records."""
    home = made(tmp_path, "cat/1.png", "cat/1.txt", "cat/1.wav", "dog/2.txt", "dog/3.jpg", "dog/3.png")
    assert columns(home) == {
        "image": ["cat/1.png", None, "dog/3.jpg", "dog/3.png"],
        "text": ["text of cat/1.txt", "text of dog/2.txt", None, None],
        "audio": ["cat/1.wav", None, None, None],
        "id": ["cat/1", "dog/2", "dog/3", "dog/3.png"],
        "label": ["cat", "dog", "dog", "dog"],
    }


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "dev", "Testing")])
def test_folders_of_the_splits(names: tuple[str, ...], tmp_path: Path) -> None:
    home = made(tmp_path, *(f"{name}/{label}/1.png" for name in names for label in ("cat", "dog")))
    splits = open_source(f"{home}#label").splits
    assert [*splits] == ["train", "validation", "test"]
    for part, name in zip(splits.values(), names, strict=True):
        assert part.column("label") == ["cat", "dog"]
        assert [Path(path).parts[-3] for path in part.column("image")] == [name, name]


def test_a_split_that_is_not_there_is_drawn(tmp_path: Path) -> None:
    home = made(tmp_path, *(f"train/{label}/{k}.png" for k in range(10) for label in ("cat", "dog")))
    splits = open_source(f"{home}#label").splits
    assert {name: len(part) for name, part in splits.items()} == {"train": 14, "validation": 2, "test": 4}


def test_folders_of_the_inputs(tmp_path: Path) -> None:
    """Each holds files of one kind, and those of one name are one record."""
    home = made(tmp_path, *(f"{top}/{k}.{end}" for top, end in (("photos", "png"), ("words", "txt")) for k in range(3)))
    found = columns(home)
    assert {*found} == {"photos", "words", "id"}
    assert found["photos"][1] == "photos/1.png"
    assert found["words"][1] == "text of words/1.txt"
    more = made(tmp_path / "b", "photos/cat/1.png", "words/cat/1.txt", "photos/dog/1.png", "words/dog/1.txt")
    assert columns(more)["label"] == ["cat", "dog"]


def test_classes_of_two_kinds_are_no_inputs(tmp_path: Path) -> None:
    """Where their files have other names."""
    home = made(tmp_path, "cat/1.png", "cat/2.png", "dog/3.wav", "dog/4.wav")
    assert columns(home)["label"] == ["cat", "cat", "dog", "dog"]


def test_what_is_said_of_it(tmp_path: Path) -> None:
    home = made(tmp_path, "1/1.png", "1/2.png", "2/1.png", "2/3.pdf", "labels.csv")
    note = reader_of(home).read(home).note
    assert "what its tables say is not read (labels.csv)" in note
    assert "its folders are the labels (2)" in note
    assert "left out are 1 of .pdf files" in note
    kinds = open_table(home).kinds
    assert kinds["label"] == "category"  # though they are numbers
    assert kinds["id"] == "ignore"  # it has the label in it


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ((), "no files that an input reads; check the path"),
        (("a.pdf",), "no files that an input reads, but 1 of .pdf"),
        (("table.csv",), "holds nothing but tables .table.csv.; name one in place of the folder"),
        (("1.png", "2.png"), "no folders of classes, whose names would be the labels"),
        (("id/1.png", "words/1.txt"), "a folder of an input that is called 'id'; rename it"),
    ],
)
def test_what_is_no_data_set(paths: tuple[str, ...], said: str, tmp_path: Path) -> None:
    home = made(tmp_path, *paths)
    with pytest.raises(MMZooError, match=said):
        open_source(f"{home}#label")


def test_nothing_is_followed_out_of_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a link to a folder, nor to a picture, nor to a text."""
    outside = made(tmp_path / "outside", "a.png", "secret.txt")
    home = made(tmp_path / "home", "cat/1.png", "cat/2.png", "dog/1.png", "dog/1.txt")
    (tmp_path / "home" / "bird").symlink_to(outside)
    (tmp_path / "home" / "cat" / "3.png").symlink_to(Path(outside) / "a.png")
    (tmp_path / "home" / "cat" / "3.txt").symlink_to(Path(outside) / "secret.txt")
    with caplog.at_level("INFO", "mmzoo"):
        table = open_table(home)
    assert "'bird' is a link to a folder, which is not followed" in caplog.text
    faults = {key: [str(each) for each in table.columns[key] if isinstance(each, Exception)] for key in table.columns}
    assert any("leads out of" in each for each in faults["image"])
    assert "secret" not in str([each for each in table.columns["text"] if isinstance(each, str)])


def test_a_folder_is_trained_on_and_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its name alone; and one without classes is answered."""
    home = made(tmp_path / "pics", *(f"{label}/{k}.png" for k in range(20) for label in ("cat", "dog")))
    run = str(tmp_path / "run")
    assert main(["train", home, "--out", run, "--epochs", "1", "--set", "image.tower=small_cnn"]) == 0
    said = capsys.readouterr()
    assert "its folders are the labels (2)" in said.out + said.err
    new = made(tmp_path / "new", "a.png", "b.png")
    answers = mmzoo.Run(run).predict(new)
    assert all(each["label_prediction"] in ("cat", "dog") for each in answers)
    assert len(answers) == 2
