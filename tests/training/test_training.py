"""Training: the same seed gives the same bytes, and nothing is lost by stopping."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.data.records import decode
from mmzoo.errors import MMZooError
from mmzoo.inference.running import run_model
from mmzoo.training.run_folder.checkpoint import load_checkpoint, save_checkpoint
from mmzoo.training.stopping import Interrupted
from mmzoo.training.trainer import Trainer
from tests.conftest import small_records, small_spec, stop_at

QUICK = mmzoo.Training(epochs=3, batch_size=4, num_variants=2)
SPEC = small_spec().subset(["picture", "words"])  # the graph of a sound takes the longest


def train(out: Path | None, **changes: Any) -> mmzoo.Run:
    settings = {"training": QUICK, "out": out} | changes
    return mmzoo.train(SPEC, small_records(24), small_records(12, 1), **settings)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    return train(tmp_path_factory.mktemp("runs") / "run")


def weights(run: mmzoo.Run) -> bytes:
    return (run.folder / "model" / "weights.safetensors").read_bytes()


def test_a_run_is_complete(finished: mmzoo.Run) -> None:
    lines = [json.loads(line) for line in (finished.folder / "history.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert {"loss", "val_loss", "val_accuracy", "val_macro_f1"} <= lines[0].keys()
    assert mmzoo.Spec.from_json(json.loads((finished.folder / "spec.json").read_text())) == SPEC


def test_the_model_of_a_run_is_the_one_that_was_saved(finished: mmzoo.Run) -> None:
    """It is at hand when training has ended; nobody must load it again."""
    inputs = decode(SPEC, small_records(5, 7))
    found, saved = (run_model(model, inputs) for model in (finished.model, mmzoo.load(finished.folder / "model")))
    for name, value in saved.items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.long
def test_the_same_seed_gives_the_same_bytes(finished: mmzoo.Run, tmp_path: Path) -> None:
    assert weights(train(tmp_path / "again")) == weights(finished)
    other = train(None, seed=1)
    assert other.folder == Path("runs/1"), "where nobody says where"
    assert weights(other) != weights(finished)


@pytest.mark.parametrize("stop", [7, *(pytest.param(step, marks=pytest.mark.long) for step in (1, 17))])
def test_a_stopped_run_goes_on_to_the_same_bytes(
    stop: int, finished: mmzoo.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_at(monkeypatch, stop)
    with pytest.raises(Interrupted, match=f"Stopped at step {stop} of 18; run the same command again"):
        train(tmp_path / "run")
    assert weights(train(tmp_path / "run")) == weights(finished)


def test_it_learns(learned_run: mmzoo.Run) -> None:
    assert mmzoo.evaluate(learned_run.model, small_records(30, 2)).to_json()["metrics"]["accuracy"] > 0.8


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_folder_with_something_else_is_left_alone(finished: mmzoo.Run, tmp_path: Path) -> None:
    before = weights(finished)
    with pytest.raises(MMZooError, match="other settings, data or seed"):
        train(finished.folder, seed=5)
    with pytest.raises(MMZooError, match="another spec"):
        mmzoo.train(small_spec("weighted"), small_records(), training=QUICK, out=finished.folder)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    with pytest.raises(MMZooError, match=r"not empty and holds no run"):
        train(tmp_path / "full")
    assert weights(finished) == before
    assert weights(train(finished.folder)) == before


def test_bad_records_are_named() -> None:
    records = small_records()
    records.columns["animal"] = ["cow", *records.columns["animal"][1:]]
    with pytest.raises(MMZooError, match="Record 'record-0': There is no label of task 'animal' called 'cow'"):
        mmzoo.train(small_spec(), records, training=QUICK, out="bad")
    records = small_records()
    records.columns["sound"] = [*records.columns["sound"][:-1], np.array([np.inf], np.float32)]
    with pytest.raises(MMZooError, match="Record 'record-11': Audio 'sound' has samples that are not finite"):
        mmzoo.train(small_spec(), records, training=QUICK, out="bad2")


def test_a_run_that_never_began_may_be_begun_otherwise(tmp_path: Path) -> None:
    records = small_records(24)
    records.columns["picture"] = ["nowhere.png", *records.columns["picture"][1:]]
    with pytest.raises(MMZooError, match=r"'nowhere.png' does not exist"):
        mmzoo.train(SPEC, records, training=QUICK, out=tmp_path / "run")
    run = mmzoo.train(SPEC, records, training=QUICK, out=tmp_path / "run", on_error="mask", budget=0.1)
    assert run.settings["on_error"] == "mask"


def test_a_loss_that_is_not_finite_goes_back_with_a_lower_rate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, rates = Trainer.run, []

    def failing(self: Trainer, batches: Any, count: int) -> Any:
        """Diverges at step 8, until the rate is a quarter."""
        step = int(self.groups[0][0].iterations.numpy())
        losses, waited = run(self, batches, min(count, 1))
        if step == 7:
            rates.append(float(self.factor.numpy()))
            if rates[-1] > 0.25:
                losses[:] = np.nan
        return losses, waited

    monkeypatch.setattr(Trainer, "run", failing)
    done = train(Path("nan"))
    assert rates == [1.0, 0.5, 0.25]
    assert "The loss is nan at step 8; going on from step 6 with 1/4 of the learning rate" in capsys.readouterr().out
    assert len(done.folder.joinpath("history.jsonl").read_text().splitlines()) == 3


def test_a_record_that_ruins_every_step_is_named() -> None:
    records = small_records(24)
    numbers = [1e30] + [float(k) for k in range(23)]  # finite, and its square is not
    records.columns["size"] = numbers
    as_they_are = mmzoo.Regression("size", means=[0.0], deviations=[1.0])
    spec = small_spec(tasks=[as_they_are]).subset(["words"])
    with pytest.raises(MMZooError, match=r"The loss is .* at step \d+, also at an eighth .*'record-0'"):
        mmzoo.train(spec, records, training=QUICK, out="inf")


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, step, {"00000": np.full(3, step)}, {"step": step})
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["step-00000002.checkpoint", "step-00000003.checkpoint"]
    newest = tmp_path / names[1]
    data = bytearray(newest.read_bytes())
    data[-2] ^= 1
    newest.write_bytes(data)
    arrays, state = load_checkpoint(tmp_path)
    assert state["step"] == 2
    assert arrays["00000"].tolist() == [2, 2, 2]
    assert str(newest) in capsys.readouterr().out
    assert load_checkpoint(tmp_path / "nothing") is None


FULL_DISK = """
import resource, signal, sys
import mmzoo
from tests.conftest import augmented_spec, small_records, small_spec
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)) if limit else None
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
training = mmzoo.Training(epochs=4, batch_size=4)
mmzoo.train(small_spec(), small_records(24), training=training, out=sys.argv[1])
"""


@pytest.mark.long
def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """A limit on the size of a file stands in for a full disk: the write fails half way, as there."""

    def run(limit: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "ignore", "-c", FULL_DISK, str(tmp_path / "run"), str(limit)]
        return subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)

    failed = run(20_000)
    assert failed.returncode == 1
    assert re.search(
        r"MMZooError: '.*checkpoint' could not be written \(File too large\); free some space", failed.stderr
    )
    assert not list((tmp_path / "run").rglob("*.new"))
    assert run(0).returncode == 0
    assert mmzoo.Run(tmp_path / "run").model is not None


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"epochs": 0}, "'epochs' must be a whole number"),
        ({"modality_dropout": 1.0}, "'modality_dropout'"),
        ({"batch_size": 2.5}, "whole"),
    ],
)
def test_bad_settings(setting: dict[str, Any], words: str) -> None:
    with pytest.raises(MMZooError, match=words):
        mmzoo.Training(**setting)
    with pytest.raises(MMZooError, match="Did you mean 'epochs'"):
        mmzoo.Training.from_json({"epoch": 3})
