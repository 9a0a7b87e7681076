"""A run on a table, evaluated, and small pieces."""

from __future__ import annotations

from pathlib import Path

import pytest

import mmzoo
from mmzoo.data.guess import load_table
from tests.answers.case import write_table
from tests.conftest import once


def learn(home: Path) -> None:
    """A table, and a run on it, evaluated."""
    home.mkdir()
    name = f"{write_table(home / 'train.csv', 240)}#species?kind.Note=text"
    spec, splits = load_table(name)
    note = mmzoo.Text("note", tokens=8, max_bytes=48, tower=mmzoo.Tower("embedding_mean"))
    inputs = [note if item.name == "note" else item for item in spec.inputs]
    spec = mmzoo.Spec(inputs, "concat", spec.tasks, dim=16)
    training = mmzoo.Training(epochs=8, batch_size=16, learning_rate=1e-2)
    mmzoo.train(spec, *splits[:2], training=training, out=home / "run", data=name).evaluate()


@pytest.fixture(scope="module")
def run(loaded_once: None, tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    """That run; only to be read."""
    return mmzoo.Run(once(tmp_path_factory, "answers", learn) / "run")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of few records."""
    monkeypatch.setattr("mmzoo.answers.pieces.MOST", 16)
