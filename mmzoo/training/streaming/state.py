"""How a stream is learnt from, and where a run over one is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from mmzoo.data.arriving import Arrived, Cursor


@dataclass(frozen=True)
class Streaming:
    """How a stream is learnt from.

    Args:
        steps: after so many it ends; 0 where it goes on as long as the stream. The rate falls as `Training.schedule`
            says where there is an end, and else stays what it is after its rise.
        replay: records of the past that are kept on disk.
        replay_share: how much of a batch is drawn from these.
        every: records after which there is a row in the history.
        stop_at_new: does a class that the model does not have end the work?
    """

    steps: int = 0
    replay: int = 1_000
    replay_share: float = 0.5
    every: int = 1_000
    stop_at_new: bool = False


@dataclass
class Taken:
    """Where a run over a stream is: what a checkpoint holds beside the trainer's variables and the reservoir.

    records, learnt: how many were taken, and how many of these had a label that was learnt.
    cursor: of the source, behind the last that was taken.
    sha256: of all that was taken, in order: the hash of the one before and of the record.
    """

    step: int = 0
    records: int = 0
    learnt: int = 0
    cursor: Cursor = field(default_factory=dict)
    sha256: str = ""
    drifts: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    tally: dict[str, Any] = field(default_factory=dict)
    drift: dict[str, Any] = field(default_factory=dict)
    named: list[str] = field(default_factory=list)


def chained(before: str, arrived: Arrived) -> str:
    """The hash of a record and of all before it."""
    text = json.dumps([arrived.place, arrived.row], default=str, sort_keys=True)
    return hashlib.sha256(f"{before}{text}".encode()).hexdigest()
