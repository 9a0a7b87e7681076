"""What the tests share: small specs and records, and a quiet TensorFlow."""

from __future__ import annotations

import fcntl
import gc
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ["MMZOO_CACHE"] = ""  # nothing of a test is kept for the next

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.artifact import load_folder
from mmzoo.data.records import Records
from mmzoo.messages.words import json_bytes
from mmzoo.training.trainer import Trainer


def usual(names: Iterable[Any], kept: Container[Any]) -> list[Any]:
    """As parameters of a test: what is not `kept` is left to `make test-long`."""
    return [pytest.param(name, marks=[pytest.mark.long] * (name not in kept)) for name in names]


@lru_cache
def privately() -> tuple[str, ...]:
    """What begins a command that is to run in a network of its own; empty where the system does not allow one."""
    command = (sys.executable, "-m", "mmzoo.network")
    done = subprocess.run([*command, sys.executable, "-c", ""], capture_output=True, check=False)
    return () if done.returncode else command


LABELS = ("cat", "dog", "bird")


def small_spec(fusion: str | mmzoo.Fusion = "concat", **changes: object) -> mmzoo.Spec:
    """A spec of three modalities that builds and trains in seconds: without augmentations, whose graphs take longer."""
    inputs = [
        mmzoo.Image("picture", size=32, tower=mmzoo.Tower("small_cnn", filters=[4, 8]), augmentations=[]),
        mmzoo.Text(
            "words",
            max_bytes=32,
            tokens=6,
            tokenizer=mmzoo.Tokenizer("hashed_words", buckets=64),
            tower=mmzoo.Tower("embedding_attention", width=8, heads=2),
        ),
        mmzoo.Audio(
            "sound",
            sample_rate=8000,
            seconds=0.5,
            tower=mmzoo.Tower("spectrogram_cnn", filters=[4, 4, 4, 4]),
            augmentations=[],
        ),
    ]
    tasks = [mmzoo.Classification("animal", labels=LABELS, auxiliary=0.5)]
    return mmzoo.Spec(**{"inputs": inputs, "fusion": fusion, "tasks": tasks, "dim": 16, **changes})


def augmented_spec() -> mmzoo.Spec:
    """`small_spec` with the usual augmentations of a picture and a sound."""
    spec = small_spec()
    return replace(spec, inputs=[replace(item, augmentations=None) for item in spec.inputs])


def small_records(count: int = 12, seed: int = 0) -> Records:
    """Random records for `small_spec`, whose label every modality tells."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    time = np.arange(4000) / 8000
    return Records(
        {
            "picture": [rng.integers(0, 60, (32, 32, 3)).astype(np.uint8) + np.uint8(60 * k) for k in labels],
            "words": [f"the {LABELS[k]} number {n}" for n, k in enumerate(labels)],
            "sound": [np.sin(2 * np.pi * (300 + 600 * k) * time).astype(np.float32) * 0.3 for k in labels],
            "animal": [LABELS[k] for k in labels],
        },
        [f"record-{n}" for n in range(count)],
    )


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder that `make` fills, once for the whole suite; only to be read.

    Of several test processes the first that asks makes it, and the others wait.
    """
    home = factory.getbasetemp()
    home = home.parent if "PYTEST_XDIST_WORKER" in os.environ else home
    folder, made = home / name, home / f"{name}.made"
    with open(home / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            made.touch()
    return folder


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of `small_spec` that has learned; only to be read."""
    training = mmzoo.Training(epochs=10, batch_size=8, learning_rate=3e-3)
    splits = small_records(60), small_records(30, 1)
    return once(tmp_path_factory, "learned", lambda out: mmzoo.train(small_spec(), *splits, training=training, out=out))


@pytest.fixture(scope="session")
def learned_run(learned: Path) -> mmzoo.Run:
    """That run as one object, so that its model is loaded and its functions are compiled once; only to be asked."""
    return mmzoo.Run(learned)


@pytest.fixture(scope="session")
def matched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run whose inputs find each other; only to be read."""
    spec = small_spec(tasks=[mmzoo.Retrieval("match", dim=16)])
    training = mmzoo.Training(epochs=3, batch_size=12, learning_rate=0.01)
    return once(
        tmp_path_factory, "matched", lambda out: mmzoo.train(spec, small_records(48), training=training, out=out)
    )


@pytest.fixture(scope="module")
def loaded_once() -> Iterator[None]:
    """Commands that ask one run again and again find its model loaded and its functions compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmzoo.run.folder.load_folder", lru_cache(load_folder))
        yield


def untrained(folder: Path, spec: mmzoo.Spec) -> mmzoo.Run:
    """A run whose model has learnt nothing, made in a second: for tests of what is done with a run afterwards."""
    folder.mkdir(parents=True)
    keras.utils.set_random_seed(0)
    mmzoo.save(mmzoo.build(spec), folder / "model")
    (folder / "spec.json").write_bytes(json_bytes(spec.to_json()))
    settings = {"data": "", "training": mmzoo.Training().to_json(), "seed": 0}
    (folder / "run.json").write_bytes(json_bytes(settings))
    return mmzoo.Run(folder)


def stop_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Ctrl-C comes before a step is taken that runs to this number of steps, each of which is a call."""
    run, done = Trainer.run, 0

    def stopping(self: Trainer, batches: Any, count: int) -> Any:
        nonlocal done
        count = min(count, 1)
        done += count
        if done == step:
            signal.raise_signal(signal.SIGINT)
        return run(self, batches, count)

    monkeypatch.setattr(Trainer, "run", stopping)


@pytest.fixture
def little_room() -> Iterator[Callable[[int], None]]:
    """Files may have so many bytes, and a write beyond is an error of the system."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture(scope="session")
def model() -> object:
    """A built small model, not trained."""
    return mmzoo.build(small_spec())


def pytest_collection_modifyitems() -> None:
    # What was imported stays, and so does most of what tracing makes: to look through it takes a tenth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
