"""One label out of several that have an order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mmzoo.aliases import Tensor
from mmzoo.tasks import tasks
from mmzoo.tasks.common.labelled import Labelled, both, log_both
from mmzoo.tasks.metrics.ranking import macro_f1


@tasks.register("ordinal", label="level")
@dataclass(frozen=True)
class Ordinal(Labelled):
    """One of `labels`, lowest first: "more than label k, given that it is at least k?" (CORN, arXiv:2111.08851).

    Shi, Cao & Raschka 2021. A logit for every label but the last, and the objective is that of each of these questions
    of yes or no; accuracy, macro-F1, mean distance in labels, and quadratically weighted kappa (Cohen 1968).
    """

    kind: ClassVar[str] = "ordinal"
    primary_metric: ClassVar[str] = "kappa"
    metric_names: ClassVar[tuple[str, ...]] = ("kappa", "accuracy", "macro_f1", "mae")

    @property
    def units(self) -> int:
        return len(self.labels) - 1

    def loss(self, labels: Tensor, logits: Tensor) -> Tensor:
        from keras import ops

        steps = ops.arange(self.units, dtype="int32")[None]
        labels = ops.cast(labels, "int32")[:, None]
        reached = ops.cast(labels >= steps, "float32")  # a step counts for examples that got as far as it
        found = self.distance(both(ops.cast(labels > steps, "float32")), log_both(logits))
        return ops.sum(reached * found, axis=-1) / self.units

    def negative_log_likelihood(self, labels: Tensor, logits: Tensor) -> Tensor:
        return super().negative_log_likelihood(labels, logits) * float(self.units)

    def tempered(self, logits: Tensor, temperature: Tensor) -> Tensor:
        """The logits of `p^(1 / temperature)` of the labels' probabilities p: which of them is the largest stays."""
        from keras import ops

        said = ops.log(ops.maximum(self.to_predictions(logits), 1e-9)) / temperature
        return ops.where(temperature == 1.0, logits, self.to_logits(ops.softmax(said)))

    def shares(self, labels: np.ndarray) -> np.ndarray:
        """Of the examples that got as far as each step, those that went beyond it."""
        steps = np.arange(self.units)
        reached, beyond = labels[:, None] >= steps, labels[:, None] > steps
        return np.asarray((beyond.sum(axis=0) + 1.0) / (reached.sum(axis=0) + 2.0))

    def to_predictions(self, logits: Tensor) -> Tensor:
        """Probabilities (B, labels)."""
        from keras import ops

        beyond = ops.exp(ops.cumsum(ops.log(ops.sigmoid(logits) + 1e-12), axis=-1))  # P(label > k)
        one, none = ops.ones_like(beyond[:, :1]), ops.zeros_like(beyond[:, :1])
        return ops.concatenate([one, beyond], axis=-1) - ops.concatenate([beyond, none], axis=-1)

    def to_logits(self, predictions: Tensor) -> Tensor:
        from keras import ops

        below = ops.cumsum(predictions, axis=-1)
        beyond, least = 1.0 - below[:, :-1], 1.0 - (below - predictions)[:, :-1]
        return ops.log(ops.maximum(beyond, 1e-7)) - ops.log(ops.maximum(least - beyond, 1e-7))

    def metrics(self, labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Kappa (0 where all labels and guesses are one), accuracy, macro-F1, mean distance of the guess."""
        from sklearn.metrics import cohen_kappa_score

        guess = predictions.argmax(axis=-1)
        several = len(np.union1d(labels, guess)) > 1
        return {
            "kappa": float(cohen_kappa_score(labels, guess, weights="quadratic")) if several else 0.0,
            "accuracy": float(np.mean(guess == labels)),
            "macro_f1": macro_f1(labels, guess),
            "mae": float(np.abs(guess - labels).mean()),
        }
