"""A run's folder may be a stranger's, be taken away, be damaged, or be another process's at the same time."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import pytest

import mmzoo
from mmzoo.cli import main
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError
from mmzoo.export.formats.saved_model import WRITTEN as SAVED_MODEL
from mmzoo.export.report import known_rows
from mmzoo.files import BESIDE, name_beside, remove_beside
from mmzoo.folders import held, replacing
from mmzoo.hpo.tune import found_results
from mmzoo.training.checkpoint import checkpoints, load_checkpoint, save_checkpoint
from mmzoo.training.claim import claim
from mmzoo.training.notes import history_text, read_history
from tests.conftest import usual

ROOT = Path(__file__).parent.parent
LABELS = ("under $5", "$10^$", "<img src=x>\n# [a](javascript:b)")
SPEC = mmzoo.Spec(
    [mmzoo.Text("words", tower="embedding_mean", tokens=6, max_bytes=24), mmzoo.Tabular("row", numbers=["$weight$"])],
    "concat",
    [mmzoo.Classification("price", labels=LABELS)],
    dim=8,
)
QUICK = mmzoo.Training(epochs=2, batch_size=8)


def records(count: int = 24) -> Records:
    which = [k % 3 for k in range(count)]
    columns = {
        "words": [f"word{k} number {n}" for n, k in enumerate(which)],
        "row": [{"$weight$": float(k)} for k in which],
        "price": [LABELS[k] for k in which],
    }
    return Records(columns, [f"$record$ {n}" for n in range(count)])


def train(out: Path, **options: Any) -> mmzoo.Run:
    return mmzoo.train(SPEC, records(), records(8), training=QUICK, out=out, **options)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, evaluated and exported once; it is only read."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    train(folder).evaluate(records(12))
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """What is the user's own; after the test it is as it was, byte for byte."""
    folder = tmp_path / "home"
    (folder / "deep").mkdir(parents=True)
    for name in ("mine", "subsets.png", "model.tflite", "step-00000001.checkpoint", "saved_model.pb", "deep/mine"):
        (folder / name).write_bytes(b"mine")
    before = contents(folder)
    yield folder
    assert contents(folder) == before


def contents(folder: Path) -> dict[str, bytes | None]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


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


@pytest.mark.parametrize(
    ("subfolder", "what"),
    [
        ("pictures", "evaluate"),
        ("export", "saved_model"),
        ("export/saved_model", "saved_model"),
        ("checkpoints", "train"),
        ("model", "train"),
        ("tensorboard", "train"),
    ],
)
@pytest.mark.parametrize("stands_there", ["a link", "a link to nothing", "a file"])
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
    found.evaluate(records(12))


OURS = ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"]


def saved(folder: Path, names: list[str]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"old")
    return folder


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


def test_the_files_of_an_export_follow_no_link(run: Path, home: Path) -> None:
    (run / "export").mkdir()
    for name in ("model.tflite", "model.json", "best.tflite", "report.md", "report.html"):
        (run / "export" / name).symlink_to(home / "mine")
    (run / "export" / "mine.tflite").write_bytes(b"mine")
    (run / "export" / name_beside()).mkdir()
    mmzoo.Run(run).export("tflite", records(4))
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


DEEP = b"[" * 100_000 + b"]" * 100_000
DAMAGE: dict[str, Any] = {
    "missing": None,
    "empty": b"",
    "cut": b'{"data": "emoji", "seed": 0',
    "a list": b"[]",
    "a number": b"3",
    "null": b"null",
    "deep": DEEP,
    "not UTF-8": b'{"data": "\xff"}',
    "huge": b'{"data": "' + b"x" * 2**24 + b'"}',
    "lacks keys": b"{}",
    "data is a number": {"data": 3},
    "data is half a pair": {"data": "\ud800"},
    "seed is a text": {"seed": "x"},
    "seed is negative": {"seed": -1},
    "training is a list": {"training": []},
    "batch_size is a text": {"training": {"batch_size": "x"}},
    "unknown setting": {"training": {"batch": 3}},
    "tune is a number": {"training": {"tune": 3}},
    "tune_inputs is deep": {"training": {"tune_inputs": [[1]]}},
    "on_error is a list": {"on_error": []},
    "budget is a text": {"budget": "much"},
    "a pipe": "pipe",
    "a link": "link",
    "a folder": "folder",
    "a device": "/dev/zero",
}


def damage(path: Path, how: Any) -> None:
    """Put something else in place of a file."""
    there = path.read_bytes() if path.exists() else b"{}"
    path.unlink(missing_ok=True)
    if isinstance(how, dict):
        path.write_text(json.dumps({**json.loads(there), **how}))
    elif isinstance(how, bytes):
        path.write_bytes(how)
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "link":
        (path.parent / "elsewhere").write_bytes(there)
        path.symlink_to(path.parent / "elsewhere")
    elif how == "folder":
        path.mkdir()
    elif how is not None:
        path.symlink_to(how)


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_settings_are_one_sentence(how: str, run: Path) -> None:
    damage(run / "run.json", DAMAGE[how])
    with pytest.raises(MMZooError, match=r"run\.json'? .*copy the run's folder again, or train it anew") as caught:
        mmzoo.Run(run).evaluate(records(4))
    assert len(str(caught.value).splitlines()) == 1
    assert mmzoo.Run(run).predict({"words": "word1"}), "which needs no settings"


@pytest.mark.parametrize("command", ["evaluate", "export", "compare", "prune"])
def test_every_command_says_so(command: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage(run / "run.json", {"data": 3})
    more = ["--out", str(run.parent / "pruned")] if command == "prune" else []
    assert main([command, str(run), *more]) == 2
    said = capsys.readouterr().err
    assert f"The 'data' in '{run / 'run.json'}' must be a text" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    "how", [b"{", b"[]", b"3\n", b'{"epoch": 1}\n', b"\xff", DEEP, b'{"epoch": "x", "seconds": 1}']
)
def test_a_damaged_history_is_one_sentence(how: bytes, tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_bytes(how)
    with pytest.raises(MMZooError, match=r"history\.jsonl' is damaged .* remove it"):
        read_history(tmp_path)


def test_a_history_has_numbers_or_nothing(tmp_path: Path) -> None:
    rows = [{"epoch": 1, "seconds": 0.5, "loss": float("nan"), "val_loss": float("inf"), "val_accuracy": None}]
    (tmp_path / "history.jsonl").write_bytes(history_text(rows))
    wanted = [{"epoch": 1, "seconds": 0.5, "loss": None, "val_loss": None, "val_accuracy": None}]
    assert read_history(tmp_path) == wanted
    (tmp_path / "history.jsonl").write_text('{"epoch": 1, "seconds": 0.5, "loss": NaN}\n')
    assert read_history(tmp_path)[0]["loss"] is None
    assert read_history(tmp_path / "nowhere") == []


@pytest.mark.parametrize("name", ["history.jsonl", "machine.txt"])
@pytest.mark.parametrize("how", ["pipe", "link", "folder", "/dev/zero", b"\xff"])
def test_what_is_no_plain_file_is_not_read(name: str, how: Any, run: Path) -> None:
    damage(run / name, how)
    with pytest.raises(MMZooError, match=rf"{name}' .* remove it"):
        if name == "machine.txt":
            _ = mmzoo.Run(run).machine
        else:
            read_history(run)


@pytest.mark.parametrize(
    "how", [b"{}", b"3", DEEP, b"\xff", b'[{"variant": "x"}]', b'[{"variant": "fp32"}]', "pipe", "link", "/dev/zero"]
)
def test_a_damaged_report_of_exports_is_one_sentence(how: Any, tmp_path: Path) -> None:
    damage(tmp_path / "report.json", how)
    with pytest.raises(MMZooError, match=r"report\.json' .* remove it, and export again"):
        known_rows(tmp_path)


@pytest.mark.parametrize("name", ["search.json", "results.json"])
@pytest.mark.parametrize("how", [b"[]", b"3", DEEP, b"\xff", b'{"metric": 3, "trials": []}', "pipe", "link", "folder"])
def test_a_damaged_search_is_one_sentence(name: str, how: Any, tmp_path: Path) -> None:
    recipe = mmzoo.Recipe(SPEC, "", QUICK)
    asked = {"trials": 3}
    found_results(tmp_path, asked, recipe)
    damage(tmp_path / name, how)
    with pytest.raises(MMZooError, match=r"choose another --out or remove the folder first"):
        found_results(tmp_path, asked, recipe)


@pytest.mark.parametrize("state", [{"step": "x"}, {"step": -1}, {"step": 10**9}, {"epoch": 99}, {"other": 1}, {}])
def test_a_checkpoint_of_something_else_is_one_sentence(state: dict[str, Any], run: Path) -> None:
    """Its hash is right: whoever wrote it could compute it too."""
    shutil.rmtree(run / "model")
    arrays, facts = load_checkpoint(run / "checkpoints") or ({}, {})
    for path in (run / "checkpoints").iterdir():
        path.unlink()
    save_checkpoint(run / "checkpoints", 6, arrays if state else {"00000": arrays["00000"]}, {**facts, **state})
    with pytest.raises(MMZooError, match=r"newest checkpoint in .* is not of this run.*remove it, or choose"):
        train(run)


@pytest.mark.parametrize("data", [b"", b"x" * 32, b"head", "state", "link", "pipe"])
def test_a_checkpoint_that_is_none_is_passed_over(data: Any, tmp_path: Path, home: Path) -> None:
    from hashlib import sha256

    save_checkpoint(tmp_path, 1, {}, {"step": 1})
    path = tmp_path / "step-00000002.checkpoint"
    if data in ("link", "pipe"):
        damage(path, data)
    else:
        head = DEEP if data == "state" else b"{}"
        body = len(head).to_bytes(8, "little") + head + b"junk"
        path.write_bytes(data if data in (b"", b"x" * 32) else sha256(body).digest() + body)
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found[1] == {"step": 1}


@pytest.fixture
def table(tmp_path: Path) -> str:
    lines = [f"word{k % 2} number {k} again,{'yes' if k % 2 else 'no'}" for k in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["words,answer", *lines]))
    return f"{tmp_path / 't.csv'}#answer"


@pytest.mark.long
def test_the_table_of_a_run_of_others_is_only_read_if_the_user_names_it(
    table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mmzoo.data.guess import load_table

    spec, (first, second, test) = load_table(*table.split("#"))
    text = mmzoo.Text(spec.inputs[0].name, tower="embedding_mean", tokens=6, max_bytes=24)
    spec = mmzoo.Spec([text], "concat", spec.tasks, dim=8)
    folder = tmp_path / "made"
    mmzoo.train(spec, first, second, training=QUICK, out=folder, data=table)
    assert main(["evaluate", str(folder)]) == 0
    assert f"note: Reading the table '{tmp_path / 't.csv'}' that the run was trained on." in capsys.readouterr().err
    (tmp_path / "link").symlink_to(folder)
    assert mmzoo.Run(tmp_path / "link").has_data
    moved = Path(shutil.copytree(folder, tmp_path / "moved"))
    for settings in (None, {"made_in": None}, {"made_in": {"folder": str(moved), "inode": 3}}, {"made_in": [1]}):
        damage(moved / "run.json", settings or {})
        run = mmzoo.Run(moved)
        assert not run.has_data
        for command in ("evaluate", "export", "compare"):
            assert main([command, str(moved)]) == 2
            said = capsys.readouterr().err
            assert re.search(rf"--data '?{table}'?", said)
            assert len(said.splitlines()) == 1
        assert run.evaluate(test)["examples"] == len(test), "other records may be given"
    capsys.readouterr()
    assert main(["evaluate", str(moved), "--data", table]) == 0
    assert main(["compare", str(moved), str(folder), "--data", table]) == 0
    assert "Reading" not in capsys.readouterr().err
    assert len(mmzoo.Run(moved, data=table).records("test")) == len(test)


class Once(keras.callbacks.Callback):
    """Something happens while a run trains."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self.act: Callable[[], object] | None = act

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.act:
            self.act()
            self.act = None


def emptied(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def replaced(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize("act", usual([shutil.rmtree, emptied, replaced], [replaced]))
def test_a_run_whose_folder_is_taken_away_ends_and_begins_anew(act: Callable[[Path], None], tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "run"
    with pytest.raises(MMZooError, match=r"was removed or replaced after the training began.* same command"):
        train(folder, callbacks=[Once(lambda: act(folder))])
    assert not folder.exists() or not any(folder.iterdir())
    assert (train(folder).folder / "model" / "card.json").exists()


@pytest.mark.parametrize(
    "lost",
    usual([["spec.json"], ["run.json"], ["spec.json", "run.json", "machine.txt"], ["checkpoints"]], [["run.json"]]),
)
def test_a_run_that_is_half_deleted_begins_anew_and_loses_no_checkpoint(
    lost: list[str], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(run / "model")
    for name in ("metrics.json", "report.html", "model_card.md"):
        (run / name).unlink()
    shutil.rmtree(run / "pictures")
    kept = [path.name for path in (run / "checkpoints").iterdir()]
    for name in lost:
        shutil.rmtree(run / name) if name == "checkpoints" else (run / name).unlink()
    train(run)
    assert (run / "model" / "card.json").exists()
    said = capsys.readouterr().out
    assert "Going on from step" not in said
    if lost != ["checkpoints"]:
        assert f"The {lost[0]}" in said
        assert [path.name for path in (run / "checkpoints.1").iterdir()] == kept


def test_a_finished_run_without_its_notes_is_left_alone(run: Path) -> None:
    (run / "run.json").unlink()
    before = contents(run)
    with pytest.raises(MMZooError, match=r"holds a model, but its run\.json is gone; choose another --out"):
        train(run)
    assert contents(run) == before


def test_a_label_that_no_file_can_hold_is_refused() -> None:
    with pytest.raises(MMZooError, match="is no text: half a letter is missing"):
        mmzoo.Spec(SPEC.inputs, "concat", [mmzoo.Classification("price", labels=["a", "b\ud800"])])


def test_a_folder_of_others_is_not_taken(tmp_path: Path) -> None:
    for name in ("history.jsonl", "model", "anything"):
        folder = tmp_path / f"of {name}"
        folder.mkdir()
        (folder / name).write_bytes(b"") if name != "model" else (folder / name).mkdir()
        with pytest.raises(MMZooError, match="is not empty and holds no run"):
            claim(folder, SPEC, {}, None)


HOLD = """
import sys, time
from pathlib import Path
from mmzoo.folders import held
with held(Path(sys.argv[1]), "training"):
    print("held", flush=True)
    time.sleep(600)
"""


def holding(folder: Path) -> subprocess.Popen[str]:
    """Another process that holds the folder by now."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    process.stdout.close()
    return process


def test_of_two_trainings_into_one_folder_the_second_ends_at_once(run: Path) -> None:
    shutil.rmtree(run / "model")
    before = contents(run)
    other = holding(run)
    try:
        for _ in range(2):
            with pytest.raises(MMZooError, match=r"Another training writes into '.*run'; wait until it has ended"):
                train(run)
        assert contents(run) == before
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait()
    (run / name_beside()).write_bytes(b"half of what it wrote")
    train(run)  # the system let go of the folder
    assert not any(BESIDE.fullmatch(path.name) for path in run.iterdir())


def test_the_same_process_may_train_on_and_what_waits_gets_its_turn(tmp_path: Path) -> None:
    with held(tmp_path, "training"):
        for _ in range(2):
            with pytest.raises(MMZooError, match="Another training writes into"), held(tmp_path, "training"):
                pytest.fail("two at a time")
    with held(tmp_path, "training"):
        pass
    other = holding(tmp_path)
    waiting = subprocess.Popen(
        [sys.executable, "-c", HOLD.replace('"training")', '"export", wait=True)').replace("600", "0"), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert waiting.poll() is None
    other.kill()
    other.wait()
    assert waiting.communicate(timeout=60)[0] == "held\n"


def test_what_was_left_half_written_goes_and_nothing_else(tmp_path: Path, home: Path) -> None:
    (tmp_path / name_beside()).write_bytes(b"half")
    saved(tmp_path / name_beside(), ["new/saved_model.pb"])
    (tmp_path / name_beside()).symlink_to(home)
    (tmp_path / ".mmzoo-mine.new").write_bytes(b"mine")
    remove_beside(tmp_path)
    left = [path for path in tmp_path.iterdir() if path != home]
    assert sorted(path.is_symlink() for path in left) == [False, True]
