"""Yes or no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.errors import require, unknown
from mmzoo.tasks import tasks
from mmzoo.tasks.common.labelled import Labelled, both, log_both
from mmzoo.tasks.metrics.ranking import macro_f1, ranking


@tasks.register("binary", label="class")
@dataclass(frozen=True)
class Binary(Labelled):
    """One of two labels, the second of them the positive: sigmoid, cross-entropy; accuracy, F1, ROC-AUC and AP.

    A label is one of the two names, or True, False, 1 or 0. The answer has both probabilities, (B, 2).
    """

    labels: tuple[str, ...] = ("no", "yes")
    kind: ClassVar[str] = "binary"
    primary_metric: ClassVar[str] = "accuracy"
    metric_names: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1", "roc_auc", "average_precision")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(len(self.labels) == 2, f"Binary task '{self.name}' needs two labels; use Classification for more.")

    @property
    def units(self) -> int:
        return 1

    def encode(self, value: Raw) -> np.int32:
        """0 or 1."""
        if isinstance(value, (bool, int, np.bool_, np.integer)) and value in (0, 1):
            return np.int32(value)
        if value not in self.labels:
            raise unknown(f"label of task '{self.name}' called", value, self.labels)
        return np.int32(self.labels.index(value))

    def loss(self, labels: Tensor, logits: Tensor) -> Tensor:
        from keras import ops

        return self.distance(both(ops.cast(labels, "float32")), log_both(logits[:, 0]))

    def shares(self, labels: np.ndarray) -> np.ndarray:
        return np.array([(labels.sum() + 1.0) / (len(labels) + 2.0)])

    def prior_distribution(self, priors: np.ndarray) -> np.ndarray:
        both: np.ndarray = super().prior_distribution(priors)[0]
        return both

    def log_odds(self, logits: Tensor, target: Tensor) -> Tensor:
        from keras import ops

        return logits[:, 0] * ops.cast(2 * target - 1, logits.dtype)

    def to_predictions(self, logits: Tensor) -> Tensor:
        """Probabilities (B, 2) of the two labels."""
        from keras import ops

        return ops.concatenate([ops.sigmoid(-logits), ops.sigmoid(logits)], axis=-1)

    def to_logits(self, predictions: Tensor) -> Tensor:
        from keras import ops

        return ops.log(predictions[:, 1:] + 1e-12) - ops.log(predictions[:, :1] + 1e-12)

    def metrics(self, labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Accuracy, macro-F1 over both labels, ROC-AUC, average precision of the positive one."""
        guess = predictions.argmax(axis=-1)
        found = {"accuracy": float(np.mean(guess == labels)), "macro_f1": macro_f1(labels, guess)}
        return found | ranking(labels[:, None] == 1, predictions[:, 1:])
