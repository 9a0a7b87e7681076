"""Has what comes changed? A test of Page on numbers that come one after another.

Page 1954, "Continuous inspection schemes"; as Page-Hinkley it is what libraries of streams have beside ADWIN. It is
taken since its state is a few numbers, which a checkpoint holds exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

MEMORY = 200
"""Values that the usual mean and deviation are of."""
FEWEST = 30
"""Values before which nothing is unusual."""
SLACK, THRESHOLD = 0.5, 12.0
"""Deviations: so much above the mean is nothing, and so much more than that, added up, is a change."""
LEAST = 0.01
"""What a deviation is at least: a loss that rises from nothing to next to nothing is no change."""
MOST = 4.0
"""Deviations that one value counts for at most: a single odd batch is no change."""


@dataclass
class PageTest:
    """Says when numbers have become larger than they were.

    count, mean, variance: of the values so far, the last ones more.
    above: how far they were above the usual, added up.
    """

    count: int = 0
    mean: float = 0.0
    variance: float = 0.0
    above: float = 0.0

    def add(self, value: float) -> bool:
        """Take a value; is it the one by which a change is seen? Then all begins anew."""
        if self.count >= FEWEST:
            deviations = (value - self.mean) / max(math.sqrt(self.variance), LEAST)
            self.above = max(0.0, self.above + min(deviations, MOST) - SLACK)
            if self.above > THRESHOLD:
                self.count, self.mean, self.variance, self.above = 0, 0.0, 0.0, 0.0
                return True
        self.count += 1
        share = 1 / min(self.count, MEMORY)
        apart = value - self.mean
        self.mean += share * apart
        self.variance = (1 - share) * (self.variance + share * apart * apart)
        return False


@dataclass
class Drift:
    """Watches the loss of batches that were not learnt yet, and where their embeddings are.

    centre, spread: the mean over batches of the mean embedding of a batch, and its variance, by dimension; training
        moves them, so the last batches count more.
    """

    loss: PageTest = field(default_factory=PageTest)
    embedding: PageTest = field(default_factory=PageTest)
    centre: list[float] = field(default_factory=list)
    spread: list[float] = field(default_factory=list)
    batches: int = 0

    def add(self, loss: float | None, embedding: np.ndarray | None) -> list[str]:
        """Take a batch; what has changed with it.

        Args:
            loss: None where no label was known.
            embedding: (B, D); None under a fusion that has none.
        """
        changed = []
        if loss is not None and self.loss.add(loss):
            changed.append("loss")
        if embedding is not None and self.embedding.add(self._moved(embedding)):
            changed.append("embedding")
        return changed

    def _moved(self, embedding: np.ndarray) -> float:
        """How far the mean of a batch is from the usual, in squared deviations of such means."""
        mean = embedding.astype(np.float64).mean(axis=0)
        centre = np.asarray(self.centre) if self.centre else mean
        spread = np.asarray(self.spread) if self.spread else np.zeros_like(mean)
        apart = np.square(mean - centre)
        moved = float(np.mean(apart / (spread + 1e-6))) if self.batches > 1 else 0.0
        self.batches += 1
        share = 1 / min(self.batches, FEWEST)
        self.centre = (centre + share * (mean - centre)).tolist()
        self.spread = ((1 - share) * (spread + share * apart)).tolist()
        return math.log1p(moved)

    @classmethod
    def from_json(cls, facts: dict[str, object]) -> Drift:
        """What `dataclasses.asdict` has made."""
        tests = {name: PageTest(**facts[name]) for name in ("loss", "embedding")}  # type: ignore[arg-type]
        return cls(**{**facts, **tests})  # type: ignore[arg-type]
