"""Any number of labels at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.errors import MMZooError, unknown
from mmzoo.tasks import tasks
from mmzoo.tasks.base import Task
from mmzoo.tasks.common.labelled import Labelled, both, log_both
from mmzoo.tasks.metrics.ranking import ranking


@tasks.register("multi_label", label="classes")
@dataclass(frozen=True)
class MultiLabel(Labelled):
    """Each of `labels` or not: a sigmoid each, cross-entropy; average precision, ROC-AUC, macro-F1 and accuracy.

    A label is a list of names, one name, or the empty list. In what is printed the
    probabilities of the labels do not sum to one.
    """

    kind: ClassVar[str] = "multi_label"
    primary_metric: ClassVar[str] = "macro_f1"
    metric_names: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1", "roc_auc", "average_precision")
    exclusive: ClassVar[bool] = False
    missing: ClassVar[float] = float("nan")
    fewest: ClassVar[int] = 1

    @property
    def units(self) -> int:
        return len(self.labels)

    @property
    def missing_label(self) -> np.ndarray:
        return np.full(len(self.labels), self.missing, np.float32)

    def encode(self, value: Raw) -> np.ndarray:
        """A name, or a list of names, as float32 (labels,) of ones and zeros."""
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, (list, tuple, set, frozenset)):
            raise MMZooError(f"Task '{self.name}' needs a list of labels, not {value!r}.")
        for name in names:
            if name not in self.labels:
                raise unknown(f"label of task '{self.name}' called", name, self.labels)
        return np.array([label in names for label in self.labels], np.float32)

    def known(self, labels: Tensor) -> Tensor:
        return labels[:, 0] == labels[:, 0]

    def loss(self, labels: Tensor, logits: Tensor) -> Tensor:
        from keras import ops

        return ops.mean(self.distance(both(labels), log_both(logits)), axis=-1)

    def shares(self, labels: np.ndarray) -> np.ndarray:
        return np.asarray((labels.sum(axis=0) + 1.0) / (len(labels) + 2.0))

    def log_odds(self, logits: Tensor, target: Tensor) -> Tensor:
        return Task.log_odds(self, logits, target)

    def label_text(self, label: Tensor) -> str:
        return ", ".join(name for name, given in zip(self.labels, label, strict=True) if given) or "none"

    def to_predictions(self, logits: Tensor) -> Tensor:
        """Probabilities (B, labels), each by itself."""
        from keras import ops

        return ops.sigmoid(logits)

    def to_logits(self, predictions: Tensor) -> Tensor:
        from keras import ops

        return ops.log(predictions + 1e-12) - ops.log(1.0 - predictions + 1e-12)

    def metrics(self, labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Macro-F1 over the labels that occur (at 0.5), share of single answers that are right, ROC-AUC, AP."""
        right, guess = labels > 0.5, predictions > 0.5
        hits, total = (right & guess).sum(axis=0), right.sum(axis=0) + guess.sum(axis=0)
        f1 = 2 * hits[total > 0] / total[total > 0]
        found = {"macro_f1": float(f1.mean()) if len(f1) else 1.0, "accuracy": float((right == guess).mean())}
        return found | ranking(right, predictions)

    def score(self, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """The share of the labels that are answered right."""
        return np.asarray(((predictions > 0.5) == (labels > 0.5)).mean(axis=-1))
