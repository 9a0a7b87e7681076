"""One label out of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mmzoo.aliases import Tensor
from mmzoo.errors import check_number
from mmzoo.tasks import tasks
from mmzoo.tasks.common.labelled import Labelled
from mmzoo.tasks.metrics.ranking import macro_f1, ranking


@tasks.register("classification", label="class")
@dataclass(frozen=True)
class Classification(Labelled):
    """One of `labels`: softmax, cross-entropy; accuracy, macro-F1, ROC-AUC and average precision.

    With the objective "evidential" the logits z are evidence, and the answer is the mean of a Dirichlet distribution
    (Sensoy et al. 2018, arXiv:1806.01768): `a = 1 + softplus(z)`, `p = a / S`, `S = sum a`. The uncertainty is
    `labels / S`, 1 where there is no evidence.

    Args:
        smoothing: moves that share of the target's mass evenly to all labels
            (label smoothing; Szegedy et al. 2016, "Rethinking the Inception Architecture").
    """

    smoothing: float = 0.0
    kind: ClassVar[str] = "classification"
    primary_metric: ClassVar[str] = "accuracy"
    metric_names: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1", "roc_auc", "average_precision")
    reads: ClassVar[tuple[str, ...]] = ("log_probs", "concentrations")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(f"The smoothing of task '{self.name}'", self.smoothing, 0, 0.9)

    @property
    def units(self) -> int:
        return len(self.labels)

    def loss(self, labels: Tensor, logits: Tensor) -> Tensor:
        from keras import ops

        targets = ops.one_hot(labels, self.units) * (1.0 - self.smoothing) + self.smoothing / self.units
        return self.distance(targets, self.concentrations(logits) if self.evidential else ops.log_softmax(logits))

    def concentrations(self, logits: Tensor) -> Tensor:
        """Those of the Dirichlet distribution, (B, labels), 1 and above."""
        from keras import ops

        # Softplus in its stable form, of operations that TFLite has.
        return 1.0 + ops.maximum(logits, 0.0) + ops.log(1.0 + ops.exp(-ops.abs(logits)))

    def uncertainty(self, logits: Tensor) -> Tensor | None:
        """`labels / S` (B, 1) of an evidential task, from 0 to 1; None of others."""
        from keras import ops

        return self.units / ops.sum(self.concentrations(logits), axis=-1, keepdims=True) if self.evidential else None

    def shares(self, labels: np.ndarray) -> np.ndarray:
        counts = np.bincount(labels, minlength=self.units) + 1.0
        return np.asarray(counts / counts.sum())

    def prior_distribution(self, priors: np.ndarray) -> np.ndarray:
        return priors

    def negative_log_likelihood(self, labels: Tensor, logits: Tensor) -> Tensor:
        from keras import ops

        return -ops.take_along_axis(self.log_probs(logits), ops.cast(labels, "int32")[:, None], axis=1)[:, 0]

    def log_odds(self, logits: Tensor, target: Tensor) -> Tensor:
        from keras import ops

        if self.evidential:
            return super().log_odds(logits, target)
        others = logits - 1e9 * ops.one_hot(target, self.units, dtype=logits.dtype)
        return ops.take(logits, target, axis=1) - ops.logsumexp(others, axis=1)

    def imitation(self, teacher: Tensor, logits: Tensor, temperature: float = 1.0) -> Tensor:
        from keras import ops

        softened, said = (self.log_probs(each / temperature) for each in (teacher, logits))
        return temperature**2 * ops.sum(ops.exp(softened) * (softened - said), axis=-1)

    def log_probs(self, logits: Tensor) -> Tensor:
        """The logarithms of the probabilities, (B, labels)."""
        from keras import ops

        return ops.log(self.to_predictions(logits)) if self.evidential else ops.log_softmax(logits)

    def to_predictions(self, logits: Tensor) -> Tensor:
        """Probabilities (B, labels)."""
        from keras import ops

        if not self.evidential:
            return ops.softmax(logits)
        found = self.concentrations(logits)
        return found / ops.sum(found, axis=-1, keepdims=True)

    def to_logits(self, predictions: Tensor) -> Tensor:
        from keras import ops

        return ops.log(predictions + 1e-12)

    def metrics(self, labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Accuracy, macro-F1, and each label against the others: ROC-AUC, average precision."""
        guess = predictions.argmax(axis=-1)
        found = {"accuracy": float(np.mean(guess == labels)), "macro_f1": macro_f1(labels, guess)}
        return found | ranking(labels[:, None] == np.arange(len(self.labels)), predictions)
