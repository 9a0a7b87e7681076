"""A run that is only read, copies of it, and a folder of the user's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import once
from tests.run_folder.case import contents, records, train


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was evaluated; it is only read."""
    return once(tmp_path_factory, "run_folder", lambda folder: train(folder).evaluate(records(12)))


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
