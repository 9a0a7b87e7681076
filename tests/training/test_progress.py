"""How long a training takes is said as it is, whatever its first steps and its first validation take."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

from mmzoo.training.monitoring import progress
from mmzoo.training.monitoring.progress import Progress
from mmzoo.training.run_folder.state import State


@pytest.mark.parametrize(
    ("per_epoch", "first_step", "later_step", "first_end", "later_end"),
    [(20, 0.25, 0.25, 9.0, 0.5), (2, 0.01, 0.01, 60.0, 0.2), (30, 4.0, 0.1, 30.0, 1.0), (400, 0.5, 0.5, 2.0, 2.0)],
    ids=["validation is traced", "short epochs", "features in the first epoch", "long epochs"],
)
def test_the_time_that_is_left(
    per_epoch: int,
    first_step: float,
    later_step: float,
    first_end: float,
    later_end: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The last that is said is right within a quarter, and it is said twice at most."""
    epochs, clock, said = 20, [0.0], []
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    state, steps = State(), epochs * per_epoch
    shown = Progress(keras.Sequential(), state, epochs, steps, 8, tmp_path, (), True)
    for epoch in range(epochs):
        for step in range(per_epoch):
            shown.begin_steps(state)
            traced = {0: 40.0, 1: 15.0}.get(step, 0.0) if not epoch else 0.0
            clock[0] += traced + (later_step if epoch else first_step)
            state.step += 1
            state.losses = [[1.0]]
            shown.end_steps(state, 1, 0.0)
            if "epochs take" in (words := capsys.readouterr().out):
                said.append((clock[0], words.split("about ")[1].split(" from")[0]))
        clock[0] += later_end if epoch else first_end
        state.epoch += 1
        shown.end_epoch(state, {"epoch": state.epoch})
        shown.begin_epoch(state)
    shown.close()
    assert len(said) <= 2
    at, words = said[-1]
    number, unit = words.split()
    assert float(number) * {"s": 1, "min": 60}[unit] == pytest.approx(clock[0] - at, rel=0.25)
