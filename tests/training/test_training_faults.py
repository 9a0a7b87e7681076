"""Nothing is lost by real faults: processes that are killed, disks that are full, bits that flip."""

from __future__ import annotations

import hashlib
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmzoo.errors import MMZooError
from mmzoo.training.run_folder.checkpoint import load_checkpoint, save_checkpoint

ROOT = Path(__file__).parents[2]

TRAIN = """
import sys
from pathlib import Path
import keras, mmzoo
from tests.conftest import small_records, small_spec

class Steps(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        Path(sys.argv[2]).write_text(str(batch + 1))

training = mmzoo.Training(epochs=10, batch_size=4, steps_per_execution=2)
spec = small_spec().subset(["words"])
run = mmzoo.train(spec, small_records(20), small_records(8, 1), training=training, out=sys.argv[1], callbacks=[Steps()])
"""
STEPS = 50

SAVE = """
import sys
from pathlib import Path
import numpy as np
from mmzoo.training.run_folder.checkpoint import load_checkpoint, save_checkpoint
folder = Path(sys.argv[1])
found = load_checkpoint(folder)
step = found[1]["step"] if found else 0
while True:
    step += 1
    save_checkpoint(folder, step, {"00000": np.full(250_000, step)}, {"step": step})
    print("ready", flush=True)  # there is one, even on the slowest of machines
"""


def child(program: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, text=True, stderr=subprocess.DEVNULL, **options)


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "model" / "weights.safetensors").read_bytes()).hexdigest()


def reached(path: Path) -> int:
    try:
        return int(path.read_text() or 0)
    except FileNotFoundError:
        return 0


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("unbroken")
    assert child(TRAIN, folder / "run", folder / "step", stdout=subprocess.DEVNULL).wait() == 0
    return digest(folder / "run")


@pytest.mark.long
@pytest.mark.parametrize("kills", [2, pytest.param(50, id="each of 50 steps")])
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bytes(
    kills: int, unbroken: str, tmp_path: Path
) -> None:
    """With 50: killed once at or after each of the run's steps in turn, in runs of several kills each."""
    wanted = random.Random(kills).sample(range(1, STEPS), 2) if kills == 2 else list(range(STEPS))
    folders = [sorted(wanted)] if kills == 2 else [wanted[k::5] for k in range(5)]
    for index, steps in enumerate(folders):
        folder, seen, killed = tmp_path / str(index) / "run", tmp_path / str(index) / "step", 0
        folder.parent.mkdir()
        for step in steps:
            process = child(TRAIN, folder, seen, stdout=subprocess.DEVNULL)
            while process.poll() is None and reached(seen) < step:
                time.sleep(0.001)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                killed += 1
            process.wait()
            seen.unlink(missing_ok=True)
        assert killed >= len(steps) - 1  # the very last step may be over before the signal comes
        assert child(TRAIN, folder, seen, stdout=subprocess.DEVNULL).wait() == 0
        assert digest(folder) == unbroken


@pytest.mark.parametrize("wanted", [2, pytest.param(40, marks=pytest.mark.long)])
def test_a_kill_during_the_save_leaves_a_checkpoint_that_can_be_read(wanted: int, tmp_path: Path) -> None:
    """A process that does nothing but save 2 MB is killed after a random while, until so many were within a write."""
    delays, last, halves, kills = random.Random(0), 0, 0, 0
    while halves < wanted:
        kills += 1
        assert kills <= 20 * wanted
        process = child(SAVE, tmp_path, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(delays.uniform(0.01, 0.06))
        process.kill()
        process.wait()
        process.stdout.close()
        halves += bool(list(tmp_path.glob("*.new")))
        found = load_checkpoint(tmp_path)
        assert found is not None
        arrays, state = found
        assert state["step"] >= last
        assert (arrays["00000"] == state["step"]).all()
        last = state["step"]


def test_a_full_disk_leaves_the_checkpoint_before_100_times(tmp_path: Path) -> None:
    """A limit on the size of a file stands in for a full disk: the write fails half way, as there."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    save_checkpoint(tmp_path, 1, {"00000": np.arange(100)}, {"step": 1})
    try:
        for step in range(2, 102):
            resource.setrlimit(resource.RLIMIT_FSIZE, (random.Random(step).randrange(1, 80_000), before[1]))
            with pytest.raises(
                MMZooError, match=r"File too large.*free some space.*'step-00000001.checkpoint' is whole"
            ):
                save_checkpoint(tmp_path, step, {"00000": np.arange(10_000)}, {"step": step})
            found = load_checkpoint(tmp_path)
            assert found is not None
            assert found[0]["00000"].tolist() == list(range(100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    save_checkpoint(tmp_path, 200, {"00000": np.arange(10_000)}, {"step": 200})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000001.checkpoint", "step-00000200.checkpoint"]


@pytest.mark.parametrize("place", [0, 20, 33, 60, -1])
def test_one_flipped_bit_anywhere_is_noticed(place: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for step in (1, 2):
        save_checkpoint(tmp_path, step, {"00000": np.full(3, step)}, {"step": step})
    newest = tmp_path / "step-00000002.checkpoint"
    data = bytearray(newest.read_bytes())
    data[place] ^= 4
    newest.write_bytes(data)
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found[1] == {"step": 1}
    assert f"The checkpoint '{newest}' is damaged" in capsys.readouterr().out


@pytest.mark.long
def test_sigterm_saves_and_exits_with_42(unbroken: str, tmp_path: Path) -> None:
    program = TRAIN.replace("run = mmzoo.train", "try:\n    run = mmzoo.train") + (
        "except KeyboardInterrupt as stop:\n    sys.exit(stop.code)\n"
    )
    process = child(program, tmp_path / "run", tmp_path / "step", stdout=subprocess.PIPE)
    while reached(tmp_path / "step") < 20:
        time.sleep(0.01)
    process.terminate()
    process.communicate()
    assert process.returncode == 42
    assert child(program, tmp_path / "run", tmp_path / "step", stdout=subprocess.DEVNULL).wait() == 0
    assert digest(tmp_path / "run") == unbroken
