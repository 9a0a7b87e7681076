"""Training on several replicas and on several workers: the numbers of one."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.conftest import privately

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.long  # several processes, or several replicas in one of its own


def python(*arguments: str, **changes: Any) -> subprocess.CompletedProcess[str]:
    """A program of its own: how many devices there are is settled before TensorFlow begins."""
    command = [sys.executable, "-W", "ignore", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600, **changes)


def replicas(*more: str) -> dict[str, Any]:
    done = python("-m", "tests.training.distribution.replicas", *more)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return replicas()


@pytest.fixture(scope="module")
def more() -> dict[str, Any]:
    return replicas("more")


MEMORY = """
import resource, threading
import numpy as np
from mmzoo.training.distribution.strategy import keep_memory

def faults():
    np.ones(2**20)  # the first of a thread takes its pages from the system in any case
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        np.ones(2**20)  # 8 MiB, given back at once
    found.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

found = []
for prepare in (lambda: None, keep_memory):
    prepare()
    thread = threading.Thread(target=faults)
    thread.start()
    thread.join()
print(*found)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc than glibc's is left as it is")
def test_workers_keep_the_memory_of_large_buffers() -> None:
    done = python("-c", MEMORY)
    before, after = map(int, done.stdout.split())
    assert after < before / 10, done.stderr


def test_two_replicas_are_one(found: dict[str, Any]) -> None:
    """Labels are missing unevenly, the clipping is on the whole gradient, batch statistics are those of the batch.

    Here and below a retrieval is among the tasks, which compares the examples of all replicas and all parts.
    """
    assert found["moved"] > 0.01
    assert found["synchronized"] < 1e-5


def test_replicas_may_normalize_by_their_own_examples(found: dict[str, Any]) -> None:
    """As the parts of an accumulated batch do; the moving statistics are then averaged."""
    assert found["by themselves"] < 1e-5
    assert found["averaged"] == [[0.5] * 3] * 2


def test_an_accumulated_gradient_is_that_of_the_batch(found: dict[str, Any]) -> None:
    assert found["accumulated on two"] < 1e-5


def test_two_replicas_are_one_without_batch_statistics(more: dict[str, Any]) -> None:
    assert more["replicas"] < 1e-5


def test_an_accumulated_gradient_is_that_of_the_batch_on_one_device(more: dict[str, Any]) -> None:
    assert more["accumulated"] < 1e-5


def test_attack_and_pruning_are_the_same_on_every_replica(more: dict[str, Any]) -> None:
    """Every replica cuts the same weights."""
    assert more["attacked"] < 1e-5


def test_low_rank_additions_are_the_same_on_two_replicas(more: dict[str, Any]) -> None:
    assert more["low rank"] < 1e-5


def test_modulation_and_blending_are_the_same_on_two_replicas(more: dict[str, Any]) -> None:
    """Also with each replica's part of a batch cut in two."""
    assert more["modulated"] < 1e-5


def test_gradients_that_are_exchanged_in_16_bits_are_nearly_the_same(more: dict[str, Any]) -> None:
    """Against how far all moved; a sum of two numbers that are rounded to eight bits is within 1 % of theirs."""
    assert 1e-5 < more["in 16 bits"] < 0.2 * more["from the start"]


def test_replicas_draw_different_dropouts_and_the_same_again_after_a_restart(found: dict[str, Any]) -> None:
    first, second = found["dropouts"][:2], found["dropouts"][2:4]
    assert len({tuple(each) for each in [*first, *second]}) == 4
    assert found["dropouts"][4:] == second


def start_workers(command: list[str], count: int, folder: Path) -> int:
    """Workers, where the system allows it in a network of their own: no test opens a port to others."""
    program = (
        "import sys; from pathlib import Path; from mmzoo.training.distribution.workers import start_workers; "
        f"sys.exit(start_workers({command!r}, {count}, Path({str(folder)!r}), public=True))"
    )
    return subprocess.call([*privately(), sys.executable, "-c", program])


def work(folder: Path, epochs: int, *more: str) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "tests.training.distribution.worker", str(folder), str(epochs), *more]


def weights(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / "model" / "weights.safetensors")


def difference(one: Path, other: Path) -> float:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    return max(float(np.abs(first[name] - second[name]).max()) for name in first)


def when_there(path: Path, do: Any) -> threading.Thread:
    """Do something as soon as a file is there."""

    def watch() -> None:
        while not path.exists():
            time.sleep(0.05)
        do()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


EPOCHS = 12


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone") / "run"
    done = python(*work(folder, EPOCHS)[3:])
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("together") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        assert start_workers(work(folder, EPOCHS), 2, folder) == 0
    return folder


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def losses(folder: Path) -> list[float]:
    """Of each epoch, as they were printed."""
    return [json.loads(line)["loss"] for line in (folder / "history.jsonl").read_text().splitlines()]


def test_two_workers_are_one(alone: Path, together: Path) -> None:
    assert difference(alone, together) < 1e-5
    np.testing.assert_allclose(losses(together), losses(alone), rtol=1e-4)


def test_two_workers_exchange_gradients_in_16_bits(alone: Path, tmp_path: Path) -> None:
    """Nearly the numbers of one: the first steps of a weight are of the size of the rate, whatever the gradient."""
    assert start_workers(work(tmp_path / "run", EPOCHS, "bfloat16"), 2, tmp_path / "run") == 0
    assert 1e-6 < difference(alone, tmp_path / "run") < 0.02


def test_a_worker_that_is_killed_ends_all_and_a_restart_loses_nothing(
    together: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    killed = []

    def kill() -> None:
        os.kill(int((tmp_path / "pid-1").read_text()), signal.SIGKILL)
        killed.append(time.monotonic())

    when_there(folder / "checkpoints" / "step-00000012.checkpoint", kill)
    assert start_workers(work(folder, EPOCHS), 2, folder) == 2
    assert time.monotonic() - killed[0] < 60
    words = capfd.readouterr()
    assert "worker 1 was ended by signal 9" in words.err
    assert "Another worker is gone after step" in words.err
    assert not (folder / "model").exists()
    assert start_workers(work(folder, EPOCHS), 2, folder) == 0
    assert "Going on from step" in capfd.readouterr().out
    assert difference(together, folder) < 1e-6


def test_sigterm_to_one_worker_stops_all_with_42(together: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"

    def stop() -> None:
        os.kill(int((tmp_path / "pid-1").read_text()), signal.SIGTERM)

    when_there(folder / "checkpoints" / "step-00000012.checkpoint", stop)
    assert start_workers(work(folder, EPOCHS), 2, folder) == 42
    assert start_workers(work(folder, EPOCHS), 2, folder) == 0
    assert difference(together, folder) < 1e-6
