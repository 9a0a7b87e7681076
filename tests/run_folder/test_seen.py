"""Whoever evaluates a model on what it has learnt from is told."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mmzoo.data.records import Records
from mmzoo.run.seen import seen, warn_of_seen

SOUND = np.arange(8, dtype=np.float32)
TRAIN = Records(
    {
        "photo": ["a.png", None, "c.png", None],
        "row": [{"size": 1.0, "shop": "x"}, {"size": 2.0, "shop": "y"}, None, None],
        "noise": [SOUND, SOUND + 1, None, None],
    }
)


def test_records_that_hold_the_same_in_every_input_are_counted() -> None:
    names = ["photo", "row", "noise"]
    same = {"shop": "x", "size": 1.0}  # in whatever order its cells stand
    given = Records(
        {
            "photo": ["a.png", "a.png", "c.png", None, "new.png"],
            "row": [same, {"size": 9.0, "shop": "x"}, None, None, None],
            "noise": [SOUND.copy(), SOUND, None, None, None],
        }
    )
    assert seen(names, TRAIN, given) == 2, "one of nothing is like no other"
    assert seen(["photo"], TRAIN, given) == 3
    assert seen(names, TRAIN, TRAIN) == 3


def test_it_is_said_where_the_training_records_may_be_read(caplog: pytest.LogCaptureFixture) -> None:
    spec = SimpleNamespace(input_names=("photo",))
    run: Any = SimpleNamespace(spec=spec, has_data=True, records=lambda split: {"train": TRAIN}[split])
    with caplog.at_level(logging.WARNING, "mmzoo"):
        warn_of_seen(run, Records({"photo": ["b.png", "d.png"]}))
        assert not caplog.text
        warn_of_seen(run, Records({"photo": ["a.png", "d.png"]}))
        assert "has learnt from 1 of these 2 records" in caplog.text
        caplog.clear()
        run.has_data = False
        warn_of_seen(run, Records({"photo": ["a.png"]}))
        assert not caplog.text
