"""What is written into a run's folder follows no link and replaces nothing of others."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.export.formats.saved_model import WRITTEN as SAVED_MODEL
from mmzoo.files import BESIDE, name_beside, remove_beside
from mmzoo.files.folders import replacing
from mmzoo.training.run_folder.checkpoint import checkpoints, load_checkpoint, save_checkpoint
from mmzoo.training.run_folder.claim import claim
from tests.run_folder.case import LABELS, SPEC, contents, records, saved, train

WRITTEN = (
    "metrics.json",
    "answers.csv",
    "report.html",
    "model_card.md",
    "pictures/subsets.png",
    "pictures/confusion.png",
)


def test_an_evaluation_follows_no_link_and_deletes_nothing_of_others(run: Path, home: Path) -> None:
    for name in WRITTEN:
        (run / name).unlink()
        (run / name).symlink_to(home / "mine")
        (run / f"{name}.new").symlink_to(home / "mine")
    for name in ("holiday.png", "noise-mine.png", "curves-of-my-own.png", "deep.png"):
        (run / "pictures" / name).write_bytes(b"\x89PNG not ours")
    (run / "pictures" / "noise-linked.png").symlink_to(home / "mine")
    old = run / "pictures" / "noise-of-before.png"
    shutil.copy(next(run.glob("pictures/calibration-*.png")), old)
    (run / "pictures" / name_beside()).write_bytes(b"half")
    mmzoo.Run(run).evaluate(records(12))
    assert not any((run / name).is_symlink() for name in WRITTEN)
    assert (run / "metrics.json.new").is_symlink()
    names = {path.name for path in (run / "pictures").iterdir()}
    assert {"holiday.png", "noise-mine.png", "curves-of-my-own.png", "deep.png", "noise-linked.png"} <= names
    assert old.name not in names
    assert not any(map(BESIDE.fullmatch, names))


def test_labels_are_text_wherever_they_are_shown(trained: Path) -> None:
    card = (trained / "model_card.md").read_text("utf-8")
    said = mmzoo.Run(trained).explain({"words": "word2"}, label=LABELS[2]).text()
    assert said.splitlines()[0] == "price: <img src=x> # [a](javascript:b)"
    words, _, spec = card.partition("## Spec")
    assert "under \\$5" in words
    assert "&lt;img src=x&gt; \\# \\[a\\](javascript:b)" in words
    assert not re.search(r"<img|\n# \[", words)
    assert json.loads(spec.split("```")[1].removeprefix("json"))["tasks"][0]["labels"] == list(LABELS)
    page = (trained / "report.html").read_text("utf-8")
    assert "<img src=x" not in page
    assert "under $5" in page


def asked(run: Path, what: str) -> Callable[[], object]:
    """What writes into a subfolder of a run."""
    return {
        "evaluate": lambda: mmzoo.Run(run).evaluate(records(12)),
        "unimodal": lambda: mmzoo.Run(run).evaluate(records(12), unimodal=True),
        "saved_model": lambda: mmzoo.Run(run).export("saved_model", records(4)),
        "train": lambda: train(run),
    }[what]


SUBFOLDERS = {
    "pictures": "evaluate",
    "export": "saved_model",
    "export/saved_model": "saved_model",
    "checkpoints": "train",
    "model": "train",
    "tensorboard": "train",
}
THINGS = ("a link", "a link to nothing", "a file")
LATE = {"export/saved_model", "tensorboard"}
"""What is looked at only when a model was built or a training has begun: once in `make test`."""


@pytest.mark.parametrize(
    ("subfolder", "what", "stands_there"),
    [
        pytest.param(*pair, thing, marks=[pytest.mark.long] * (thing != "a link" and pair[0] in LATE))
        for pair in SUBFOLDERS.items()
        for thing in THINGS
    ],
)
def test_a_subfolder_that_is_a_link_is_not_written_into(
    subfolder: str, what: str, stands_there: str, run: Path, home: Path
) -> None:
    if subfolder == "tensorboard":
        pytest.importorskip("tensorboard")
        shutil.rmtree(run / "model")
    path = run / subfolder
    path.parent.mkdir(exist_ok=True)
    if path.exists():
        shutil.rmtree(path)
    if stands_there == "a file":
        path.write_bytes(b"")
    else:
        path.symlink_to(home if stands_there == "a link" else home / "nothing")
    with pytest.raises(MMZooError, match=rf"{subfolder}' is a link or a file .* remove it first"):
        asked(run, what)()


def test_a_model_or_a_spec_behind_a_link_is_no_run(run: Path, home: Path) -> None:
    (run / "model").rename(run.parent / "model")
    (run / "model").symlink_to(run.parent / "model")
    with pytest.raises(MMZooError, match="is not finished"):
        mmzoo.Run(run)
    (run / "spec.json").unlink()
    (run / "spec.json").symlink_to(home / "mine")
    with pytest.raises(MMZooError, match="is not a run"):
        mmzoo.Run(run)


def test_a_run_that_is_reached_through_a_link_is_one(run: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").symlink_to(run.parent)
    found = mmzoo.Run(tmp_path / "disk" / "run")
    assert found.predict({"words": "word1"})
    found.evaluate(records(3))


OURS = ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"]


@pytest.mark.parametrize(
    "more", ["notes.txt", "variables/notes.txt", "assets/mine", "deep/er/mine", "saved_model.pb.bak"]
)
def test_a_folder_with_something_of_others_is_not_replaced(more: str, tmp_path: Path) -> None:
    folder = saved(tmp_path / "saved_model", [*OURS, more])
    before = contents(folder)
    with (
        pytest.raises(MMZooError, match=r"is not what mmzoo writes there.* move it elsewhere first"),
        replacing(folder, SAVED_MODEL.fullmatch),
    ):
        pytest.fail("nothing is made")
    assert contents(folder) == before


def test_a_folder_of_ours_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path, home: Path) -> None:
    folder = saved(tmp_path / "saved_model", OURS)
    with pytest.raises(KeyError), replacing(folder, SAVED_MODEL.fullmatch) as new:
        saved(new, ["saved_model.pb"])
        raise KeyError
    assert (folder / "saved_model.pb").read_bytes() == b"old"
    with replacing(folder, SAVED_MODEL.fullmatch) as new:
        saved(new, ["fingerprint.pb"])
    assert [path.name for path in folder.iterdir()] == ["fingerprint.pb"]
    (folder / "variables").symlink_to(home)
    with pytest.raises(MMZooError, match="variables' is not what"), replacing(folder, SAVED_MODEL.fullmatch):
        pytest.fail("nothing is made")
    assert {path.name for path in tmp_path.iterdir()} == {"saved_model", "home"}


@pytest.mark.long
def test_the_files_of_an_export_follow_no_link(run: Path, home: Path) -> None:
    (run / "export").mkdir()
    for name in ("model.tflite", "model.json", "best.tflite", "report.md", "report.html"):
        (run / "export" / name).symlink_to(home / "mine")
    (run / "export" / "mine.tflite").write_bytes(b"mine")
    (run / "export" / name_beside()).mkdir()
    mmzoo.Run(run).export("tflite", records(2))
    assert (run / "export" / "model.tflite").read_bytes() != b"mine"
    assert (run / "export" / "mine.tflite").read_bytes() == b"mine"
    assert not any(BESIDE.fullmatch(path.name) for path in (run / "export").iterdir())


def test_old_checkpoints_go_and_nothing_else_does(tmp_path: Path, home: Path) -> None:
    others = ["step-1.checkpoint", "step-best.checkpoint", "step-00000001.checkpoint.bak", "mystep-00000001.checkpoint"]
    for name in others:
        (tmp_path / name).write_bytes(b"mine")
    (tmp_path / "step-00000000.checkpoint").symlink_to(home / "mine")
    for step in (99_999_998, 99_999_999, 100_000_000):
        save_checkpoint(tmp_path, step, {}, {"step": step})
    assert [path.name for path in checkpoints(tmp_path)[1:]] == [
        "step-99999999.checkpoint",
        "step-100000000.checkpoint",
    ]
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found[1] == {"step": 100_000_000}
    assert all((tmp_path / name).read_bytes() == b"mine" for name in others)
    assert (tmp_path / "step-00000000.checkpoint").is_symlink()


def test_a_folder_of_others_is_not_taken(tmp_path: Path) -> None:
    for name in ("history.jsonl", "model", "anything"):
        folder = tmp_path / f"of {name}"
        folder.mkdir()
        (folder / name).write_bytes(b"") if name != "model" else (folder / name).mkdir()
        with pytest.raises(MMZooError, match="is not empty and holds no run"):
            claim(folder, SPEC, {}, None)


def test_what_was_left_half_written_goes_and_nothing_else(tmp_path: Path, home: Path) -> None:
    (tmp_path / name_beside()).write_bytes(b"half")
    saved(tmp_path / name_beside(), ["new/saved_model.pb"])
    (tmp_path / name_beside()).symlink_to(home)
    (tmp_path / ".mmzoo-mine.new").write_bytes(b"mine")
    remove_beside(tmp_path)
    left = [path for path in tmp_path.iterdir() if path != home]
    assert sorted(path.is_symlink() for path in left) == [False, True]
