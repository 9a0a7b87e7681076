"""The time there is for candidates, and how much of it each takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mmzoo.auto.candidates import Candidate
from mmzoo.auto.tried import Tried
from mmzoo.data.records import Records
from mmzoo.inference.subset_predictions import predict_subsets

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal

LATER = 0.1  # of the time, for the evaluation and its report, as long as it is not known how long these take
PROBED = 120.0  # seconds; where there are more of them it is tried out,
PROBES = 64  # with so many records
DRAWING = 0.03  # of the time, for the report alone
SECOND = 0.4  # of the time, where it is too short for all epochs: for training the best one longer
LEARNING = 0.2  # of the time: for one that learns from several
TAIL = 0.1  # of a candidate's time, that goes by after its last step


class Allowance:
    """How much of the time is left, and what fits into it, as far as those that have ended tell.

    Args:
        seconds: in all.
        gone: of them, before.
        later: how many records will be evaluated in the end.
        learning: will one learn from several in the end?
    """

    def __init__(self, seconds: float, gone: float, later: int, *, learning: bool) -> None:
        self.seconds, self.later, self.learning = seconds, later, learning
        self.began = time.monotonic() - gone
        self.reserve = LATER * seconds if later else 0.0
        self.an_epoch = self.around = 0.0  # seconds that an epoch of cost 1 takes, and what is before and after it
        self.tight = False

    @property
    def gone(self) -> float:
        """Seconds that have gone by."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float:
        """Seconds that are left for candidates."""
        return self.seconds - self.reserve - self.gone

    @property
    def kept_back(self) -> float:
        """Seconds that no candidate may take: the best one is to be trained on, or to learn from several."""
        share = SECOND if self.tight else LEARNING if self.learning else 0.0
        return share * self.seconds

    def measure(
        self, tried: Tried, candidate: Candidate, an_epoch: float, *, once: float = 0.0, over: bool = False
    ) -> None:
        """Note what a candidate that has ended tells of the others.

        Args:
            an_epoch: seconds that one of its epochs took.
            once: seconds of its time that no other needs, for what all have in common.
            over: was it ended when its time was?
        """
        self.an_epoch = an_epoch / candidate.cost
        self.around = max(tried.seconds - once - an_epoch * tried.trained, 0.0)
        self.tight = over or tried.epochs < candidate.training.epochs

    def of_epochs(self, epochs: float, cost: float) -> float:
        """Seconds that so many epochs take, each `cost` times as long as one of cost 1."""
        return self.around + epochs * self.an_epoch * cost

    def epochs_in(self, seconds: float, cost: float) -> float:
        """How many epochs fit into so many seconds, each `cost` times as long as one of cost 1."""
        return (seconds * (1 - TAIL) - self.around) / max(self.an_epoch * cost, 1e-9)

    def probe(self, model: Multimodal, records: Records) -> None:
        """Find out how long an evaluation takes, which is to end in time too."""
        if not self.later or self.seconds <= PROBED:
            return
        few, took = records.take(PROBES), []
        for _ in range(2):  # the first call traces the graphs
            began = time.monotonic()
            predict_subsets(model, few)
            took.append(time.monotonic() - began)
        self.reserve = DRAWING * self.seconds + took[0] + took[1] / len(few) * self.later
