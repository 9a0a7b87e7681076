"""What the tests share: small specs and records, and a quiet TensorFlow."""

from __future__ import annotations

import fcntl
import gc
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Container, Generator, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ["MMZOO_CACHE"] = ""  # nothing of a test is kept for the next

import numpy as np
import pytest

import mmzoo
from mmzoo.data.records import Records

# Tests that share a costly fixture: with several processes (`-n 2 --dist loadgroup`) they stay in one.
TOGETHER = {
    "test_absence",
    "test_attacks",
    "test_bad_input",
    "test_cli",
    "test_colearning",
    "test_data_service",
    "test_demo",
    "test_evaluation_uncertainty",
    "test_evidential",
    "test_export",
    "test_hub",
    "test_lite",
    "test_onnx",
    "test_pruning",
    "test_run_folder",
    "test_search",
    "test_search_export",
    "test_shards",
    "test_training",
    "test_training_faults",
    "test_training_strategy",
    "test_web",
    "test_zoo",
}


def usual(names: Iterable[str], kept: Container[str]) -> list[Any]:
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


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of `small_spec` that has learned; only to be read.

    It is trained once for the whole suite: of several test processes by the first that asks, and the others wait.
    """
    home = tmp_path_factory.getbasetemp()
    home = home.parent if "PYTEST_XDIST_WORKER" in os.environ else home
    training = mmzoo.Training(epochs=10, batch_size=8, learning_rate=3e-3)
    with open(home / "learned.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        splits = small_records(60), small_records(30, 1)
        return mmzoo.train(small_spec(), *splits, training=training, out=home / "learned").folder


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


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, object, object]:
    """See `TOGETHER`. Around all others: whoever hands out the tests looks at the marks first of all."""
    for item in items:
        if item.path.stem in TOGETHER:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    # What was imported stays, and so does most of what tracing makes: to look through it takes a tenth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    return (yield)
