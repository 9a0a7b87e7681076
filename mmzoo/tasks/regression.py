"""One number or several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mmzoo.errors import MMZooError, check_number, require
from mmzoo.tasks import tasks
from mmzoo.tasks.base import Task


@tasks.register("regression")
@dataclass(frozen=True)
class Regression(Task):
    """A linear output for each of `targets`, squared error, MAE and R2."""

    targets: int = 1
    kind: ClassVar[str] = "regression"
    primary_metric: ClassVar[str] = "r2"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(f"The targets of task '{self.name}'", self.targets, 1, 10_000, whole=True)

    @property
    def units(self) -> int:
        return self.targets

    def encode(self, value: Any) -> np.ndarray:
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

    def loss(self, labels: Any, logits: Any) -> Any:
        from keras import ops

        return ops.mean(ops.square(labels - logits), axis=-1)

    def finish(self, logits: Any) -> Any:
        """The numbers (B, targets), as they are."""
        return logits

    def metrics(self, labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Mean absolute error, and R2 averaged over the targets (0 where a target does not vary)."""
        error = ((labels - predictions) ** 2).sum(axis=0)
        spread = ((labels - labels.mean(axis=0)) ** 2).sum(axis=0)
        r2 = np.where(spread > 0, 1 - error / np.where(spread > 0, spread, 1), 0.0)
        return {"mae": float(np.abs(labels - predictions).mean()), "r2": float(r2.mean())}
