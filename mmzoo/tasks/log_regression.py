"""Numbers above 0 that span powers of ten: prices, incomes, counts of views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.errors import require
from mmzoo.tasks import tasks
from mmzoo.tasks.regression import Regression
from mmzoo.tasks.tags import Tags

FARTHEST = 83.0
"""From 0, of the natural logarithm of an answer: float32 holds e to this power, above and below 1."""


@tasks.register("log_regression", label="number", values="positive")
@dataclass(frozen=True)
class LogRegression(Regression):
    """A regression of the natural logarithm of numbers above 0, whose answers are above 0 as well.

    An error counts by how many times too large or too small the answer is: of prices from 1 to 100,000 a plain
    regression learns the largest alone, and answers many of the small ones with numbers below 0. An answer is the
    median of what is likely, the exponential of the mean logarithm, and not the mean, which is larger; where sums over
    many records matter, take a plain `Regression`. "mae_log" and "r2_log" are those of the logarithms, "mae" and "r2"
    those of the numbers.

    Args:
        means, deviations: of the logarithms.
    """

    kind: ClassVar[str] = "log_regression"
    primary_metric: ClassVar[str] = "r2_log"
    metric_names: ClassVar[tuple[str, ...]] = ("mae_log", "r2_log", "mae", "r2")
    score_name: ClassVar[str] = "mae_log"
    score_words: ClassVar[str] = "mean absolute error of the logarithm"

    @property
    def tags(self) -> Tags:
        return Tags(numeric=True, logarithmic=True)

    @property
    def any_label(self) -> np.ndarray:
        return np.ones(self.targets)

    def encode(self, value: Raw) -> np.ndarray:
        """A number above 0, or `targets` of them, as float64 (targets,)."""
        numbers = super().encode(value)
        require(
            (numbers > 0).all(),
            f"Task '{self.name}' learns the logarithm of numbers above 0, not of {value!r}; mend it, or take a "
            "regression (--task regression).",
        )
        return numbers

    def on_scale(self, numbers: Tensor) -> Tensor:
        if isinstance(numbers, np.ndarray):
            return np.log(np.maximum(numbers.astype(np.float64), np.exp(-FARTHEST)))
        from keras import ops

        return ops.log(ops.maximum(numbers, np.exp(-FARTHEST)))

    def off_scale(self, numbers: Tensor) -> Tensor:
        if isinstance(numbers, np.ndarray):
            return np.exp(np.clip(numbers.astype(np.float64), -FARTHEST, FARTHEST))
        from keras import ops

        return ops.exp(ops.clip(numbers, -FARTHEST, FARTHEST))

    def reach_words(self, half: float) -> str:
        return f"from the answer divided by {np.exp(half):.3g} to {np.exp(half):.3g} times the answer"

    def difference(self, answers: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Of the logarithms, in their deviations, beyond what float32 rounds."""
        rounded = np.spacing(np.float32(1.0))
        off = np.abs(self.on_scale(answers) - self.on_scale(wanted))
        return np.asarray(np.maximum(off - rounded, 0.0) / (self.deviations or 1.0))

    def metrics(self, labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Those of a regression, of the logarithms and of the numbers."""
        logs = super().metrics(self.on_scale(labels), self.on_scale(predictions))
        return {f"{name}_log": value for name, value in logs.items()} | super().metrics(labels, predictions)

    def score(self, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """Minus the absolute error of the logarithm."""
        return super().score(self.on_scale(labels), self.on_scale(predictions))
