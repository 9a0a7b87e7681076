"""How a stream is learnt from, and where a run over one is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from mmzoo.data.streams.arriving import Arrived, Cursor
from mmzoo.data.tally import Counted
from mmzoo.training.run_folder.notes import Row
from mmzoo.training.streaming.batch import Placed
from mmzoo.training.streaming.drift import Buckets
from mmzoo.training.streaming.numbers import Moments


@dataclass(frozen=True)
class Streaming:
    """How a stream is learnt from.

    Args:
        steps: after so many it ends; 0 where it goes on as long as the stream. The rate falls as `Training.schedule`
            says where there is an end, and else stays what it is after its rise.
        replay: records of the past that are kept on disk.
        replay_share: how much of a batch is drawn from these.
        every: records after which there is a row in the history.
        new_classes: of a label that the warm-up does not have: "ignore", named once and not learnt; "stop", the end;
            "grow", not learnt either, but some records of each are kept, of which the model is given a head for these
            classes too in the end (`mmzoo.training.streaming.late`).
    """

    steps: int = 0
    replay: int = 1_000
    replay_share: float = 0.5
    every: int = 1_000
    new_classes: str = "ignore"


@dataclass
class Taken:
    """Where a run over a stream is: what a checkpoint holds beside the trainer's variables and the reservoir.

    records, learnt: how many were taken, and how many of these had a label that was learnt.
    cursor: of the source, behind the last that was taken.
    sha256: of all that was taken, in order: the hash of the one before and of the record.
    named: the classes that the warm-up did not have, as they were named.
    late: of these, where they are kept, some records each: pairs of a place and a row.
    """

    step: int = 0
    records: int = 0
    learnt: int = 0
    cursor: Cursor = field(default_factory=dict)
    sha256: str = ""
    drifts: int = 0
    history: list[Row] = field(default_factory=list)
    tally: Counted | None = None
    drift: dict[str, Buckets] = field(default_factory=dict)
    numbers: dict[str, Moments] = field(default_factory=dict)
    named: list[str] = field(default_factory=list)
    late: dict[str, list[Placed]] = field(default_factory=dict)


def chained(before: str, arrived: Arrived) -> str:
    """The hash of a record and of all before it."""
    text = json.dumps([arrived.place, arrived.row], default=str, sort_keys=True)
    return hashlib.sha256(f"{before}{text}".encode()).hexdigest()
