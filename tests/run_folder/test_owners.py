"""A run's folder may be a stranger's, be taken away, or be another process's at the same time."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

import mmzoo
from mmzoo.cli import main
from mmzoo.errors import MMZooError
from mmzoo.files import BESIDE, name_beside
from mmzoo.files.folders import held
from tests.conftest import usual
from tests.run_folder.case import QUICK, ROOT, SPEC, contents, damage, train


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


@pytest.mark.long
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


HOLD = """
import sys, time
from pathlib import Path
from mmzoo.files.folders import held
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
