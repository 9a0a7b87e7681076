"""A time for candidates is kept, and used, whatever a step takes: on a clock that only the trainings move on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.auto import allowance as allowance_module
from mmzoo.auto import attempts as attempts_module
from mmzoo.auto import search as search_module
from mmzoo.auto import watch as watch_module
from mmzoo.auto.allowance import LATER, Allowance
from mmzoo.auto.candidates import candidates
from mmzoo.auto.choosing import Answers
from mmzoo.auto.search import Search
from mmzoo.auto.tried import Trials
from mmzoo.auto.watch import Watch
from mmzoo.data.records import Records
from mmzoo.training.run_folder.notes import history_text
from mmzoo.training.settings import Training

RECORDS = 160
OVER = 1.15


class Clock:
    """Trainings that take what they are told to, and learn nothing.

    Args:
        trace: seconds before the first step of a training, and in its first step.
        step: seconds of each of the others.
        gains: epochs after which a training gains nothing more, and ends early.
    """

    def __init__(self, trace: float, step: float, gains: int) -> None:
        self.now, self.trace, self.step, self.gains = 1000.0, trace, step, gains
        self.begun: list[tuple[str, int]] = []

    def train(self, until: float, *_: Any, training: Training, stop: Any, out: Path, **others: Any) -> Any:
        steps = RECORDS // training.batch_size
        self.begun.append((out.name, training.epochs))
        watching = {name: others[name] for name in ("again", "least")}
        watch = Watch(until, training.epochs, training.epochs * steps, stop, **watching, say=lambda line: None)
        watch.set_model(type("Model", (), {"stop_training": False})())
        self.now += self.trace / 2
        watch.on_train_begin()
        out.mkdir(parents=True)
        rows, done = [], 0
        for epoch in range(training.epochs):
            began = self.now
            for _ in range(steps):
                self.now += self.step if done else self.trace / 2
                watch.on_train_batch_end(done)
                done += 1
                if watch.model.stop_training:
                    break
            rows.append({"epoch": epoch + 1, "seconds": self.now - began, "val_accuracy": 0.5})
            if watch.model.stop_training or epoch + 1 >= self.gains:
                break
        (out / "history.jsonl").write_bytes(history_text(rows))
        return object(), watch


def searched(monkeypatch: pytest.MonkeyPatch, folder: Path, clock: Clock, seconds: float) -> Trials:
    """What is tried of seven candidates of 60 epochs."""
    labels = ("cat", "dog")
    inputs = [
        mmzoo.Text(name, max_bytes=16, tokens=4, tokenizer="hashed_words", tower="embedding_bag") for name in "ab"
    ]
    spec = mmzoo.Spec(inputs, "concat", [mmzoo.Classification("animal", labels=labels)], dim=8)
    answers = Answers(spec, {"animal": np.zeros((40, 2), np.float32)}, {"animal": np.zeros(40, np.int32)})
    for module in (attempts_module, allowance_module, watch_module):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(attempts_module, "train_until", clock.train)
    monkeypatch.setattr(attempts_module, "answers_of", lambda *_: answers)
    monkeypatch.setattr(search_module, "fit_baselines", lambda *_, **__: [])
    monkeypatch.setattr(Allowance, "probe", lambda *_: None)
    (folder / "candidates").mkdir(parents=True)
    records = Records({"a": ["x"] * RECORDS, "b": ["x"] * RECORDS, "animal": ["cat"] * RECORDS})
    trials = Trials({}, "accuracy", "animal", seconds)
    told: dict[str, Any] = {"gone": 0.0, "seed": 0, "data": "", "quality": "good", "later": 40}
    found = candidates(spec, Training(epochs=60, batch_size=16), "good")
    Search(folder, trials, records, records, [], **told).run(found, spec)
    return trials


@pytest.mark.parametrize(
    ("trace", "step", "gains", "seconds", "tried", "epochs"),
    [
        (20.0, 0.05, 60, 600.0, 7, 60),  # all have time
        (20.0, 0.05, 20, 250.0, 7, 20),  # a slow first epoch says nothing of the others
        (10.0, 0.2, 60, 240.0, 2, 60),  # the first one's epochs nearly take it all
        (10.0, 1.0, 60, 300.0, 2, 20),  # none has time for all of its epochs
        (30.0, 8.0, 60, 200.0, 1, 2),  # hardly a few steps
        (100.0, 0.05, 60, 120.0, 1, 60),  # what goes before the first step takes it all
    ],
)
def test_the_time_is_kept_and_used(
    trace: float,
    step: float,
    gains: int,
    seconds: float,
    tried: int,
    epochs: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """`tried` candidates at least, the first of which has `epochs` of its own."""
    clock = Clock(trace, step, gains)
    found = searched(monkeypatch, tmp_path / "run", clock, seconds)
    kept = [each for each in found.candidates if each.trained]
    spent = clock.now - 1000.0
    reserved = LATER * seconds
    assert kept[0].trained >= epochs
    assert spent + reserved <= OVER * seconds
    assert len([each for each in kept if not each.name.endswith("_longer")]) >= tried
    if len(kept) < len(found.candidates):  # whoever leaves some out has used the time
        assert spent + reserved >= 0.8 * seconds
