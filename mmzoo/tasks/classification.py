"""One label out of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mmzoo.errors import check_number, require, unknown
from mmzoo.tasks import tasks
from mmzoo.tasks.base import Task


@tasks.register("classification")
@dataclass(frozen=True)
class Classification(Task):
    """Softmax over `labels`, cross-entropy, accuracy and macro-F1.

    `smoothing` moves that share of the target's mass evenly to all labels
    (label smoothing; Szegedy et al. 2016, "Rethinking the Inception Architecture").
    """

    labels: tuple[str, ...] = ()
    smoothing: float = 0.0
    kind: ClassVar[str] = "classification"
    primary_metric: ClassVar[str] = "accuracy"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "labels", tuple(self.labels))
        require(len(self.labels) >= 2, f"Task '{self.name}' needs at least two labels, not {list(self.labels)}.")
        require(
            all(isinstance(label, str) and label for label in self.labels),
            f"The labels of task '{self.name}' must be non-empty strings, not {list(self.labels)}.",
        )
        double = {label for label in self.labels if self.labels.count(label) > 1}
        require(not double, f"Task '{self.name}' has labels that repeat: {', '.join(sorted(double))}; name each once.")
        check_number(f"The smoothing of task '{self.name}'", self.smoothing, 0, 0.9)

    @property
    def units(self) -> int:
        return len(self.labels)

    def encode(self, value: Any) -> np.int32:
        """The position of a label's name."""
        if value not in self.labels:
            raise unknown(f"label of task '{self.name}' called", value, self.labels)
        return np.int32(self.labels.index(value))

    def loss(self, labels: Any, logits: Any) -> Any:
        from keras import ops

        targets = ops.one_hot(labels, self.units) * (1.0 - self.smoothing) + self.smoothing / self.units
        return -ops.sum(targets * ops.log_softmax(logits), axis=-1)

    def finish(self, logits: Any) -> Any:
        """Probabilities (B, labels)."""
        from keras import ops

        return ops.softmax(logits)

    def metrics(self, labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Accuracy, and F1 averaged over the labels that occur in `labels` or in the predictions."""
        guess = predictions.argmax(axis=-1)
        scores = []
        for label in np.union1d(labels, guess):
            hits = np.sum((guess == label) & (labels == label))
            scores.append(2 * hits / (np.sum(guess == label) + np.sum(labels == label)))
        return {"accuracy": float(np.mean(guess == labels)), "macro_f1": float(np.mean(scores))}
