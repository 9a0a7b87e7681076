"""One number or several."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.choice import Objective
from mmzoo.errors import MMZooError, check_number, require
from mmzoo.tasks import tasks
from mmzoo.tasks.learned import Learned
from mmzoo.tasks.tags import Tags


@tasks.register("regression", label="number")
@dataclass(frozen=True)
class Regression(Learned):
    """A linear output for each of `targets`; MAE and R2. The objective is of the numbers: "mse", "mae" or "huber"."""

    targets: int = 1
    objective: Objective | str = field(default="mse", kw_only=True)
    reads: ClassVar[tuple[str, ...]] = ("numbers",)
    kind: ClassVar[str] = "regression"
    primary_metric: ClassVar[str] = "r2"
    metric_names: ClassVar[tuple[str, ...]] = ("mae", "r2")
    missing: ClassVar[Any] = float("nan")
    score_name: ClassVar[str] = "mae"
    score_words: ClassVar[str] = "mean absolute error"
    greater_is_better: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(f"The targets of task '{self.name}'", self.targets, 1, 10_000, whole=True)

    @property
    def tags(self) -> Tags:
        return Tags(numeric=True)

    @property
    def units(self) -> int:
        return self.targets

    @property
    def missing_label(self) -> np.ndarray:
        return np.full(self.targets, self.missing, np.float32)

    def encode(self, value: Raw) -> np.ndarray:
        """A number, or `targets` of them, as float32 (targets,)."""
        try:
            numbers = np.asarray(value, np.float32).reshape(-1)
        except (TypeError, ValueError):
            raise MMZooError(f"Task '{self.name}' needs {self.targets} number(s), not {value!r}.") from None
        require(
            numbers.shape == (self.targets,) and np.isfinite(numbers).all(),
            f"Task '{self.name}' needs {self.targets} finite number(s), not {value!r}.",
        )
        return numbers

    def known(self, labels: Tensor) -> Tensor:
        return labels[:, 0] == labels[:, 0]

    def loss(self, labels: Tensor, logits: Tensor) -> Tensor:
        return self.distance(labels, logits)

    def imitation(self, teacher: Tensor, logits: Tensor, temperature: float = 1.0) -> Tensor:
        return self.loss(teacher, logits)

    def to_predictions(self, logits: Tensor) -> Tensor:
        """The numbers (B, targets), as they are."""
        return logits

    def to_logits(self, predictions: Tensor) -> Tensor:
        return predictions

    def metrics(self, labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Mean absolute error, and R2 averaged over the targets (0 where a target does not vary)."""
        from sklearn.metrics import mean_absolute_error, r2_score

        varied = np.ptp(labels, axis=0) > 0
        r2 = np.zeros(labels.shape[1])
        if varied.any():
            r2[varied] = r2_score(labels[:, varied], predictions[:, varied], multioutput="raw_values")
        return {"mae": float(mean_absolute_error(labels, predictions)), "r2": float(r2.mean())}

    def score(self, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """Minus the absolute error."""
        return np.asarray(-np.abs(predictions - labels).mean(axis=-1))
