"""One number or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.choice import Objective
from mmzoo.errors import MMZooError, as_tuple, check_number, require
from mmzoo.tasks import tasks
from mmzoo.tasks.base import Task
from mmzoo.tasks.common.learned import Learned
from mmzoo.tasks.tags import Tags

if TYPE_CHECKING:
    from mmzoo.tokens import Fused

LARGEST = 1e36  # of a label, in either direction: a few deviations more are a float32 too
LEAST = 1e-300  # of a deviation
FIRST = 0.1  # of the head's first weights, as a factor
SAME = 1e-13  # deviations that are less of the numbers themselves are what float64 rounds


@tasks.register("regression", label="number")
@dataclass(frozen=True)
class Regression(Learned):
    """A linear output for each of `targets`; MAE and R2. The objective is of the numbers: "mse", "mae" or "huber".

    Whatever the unit of the numbers, the model learns how many deviations of the training labels each lies above their
    mean: its logits, and what the objective is given. Answers and metrics are in the unit of the labels.

    In Python an answer is made of the logits in float64, as the labels are read; an exported model has float32, which
    keeps seven digits: of a number near 1e9 it knows the next 64. Where that is too coarse, let the column begin at 0,
    such as seconds since the first record in place of nanoseconds since 1970.

    Args:
        targets: numbers an answer.
        means, deviations: of each target's training labels; `Spec.fit` fills them in. Given as zeros and ones, the
            numbers are learned as they are. A target that is the same in all training records has deviation 1.
        lowest: no answer is below it, as no count and no sum that was paid is below 0; any may be, if not given.
    """

    targets: int = 1
    objective: Objective | str = field(default="mse", kw_only=True)
    means: Sequence[float] = field(default=(), kw_only=True)
    deviations: Sequence[float] = field(default=(), kw_only=True)
    lowest: float | None = field(default=None, kw_only=True)
    reads: ClassVar[tuple[str, ...]] = ("numbers",)
    kind: ClassVar[str] = "regression"
    primary_metric: ClassVar[str] = "r2"
    metric_names: ClassVar[tuple[str, ...]] = ("mae", "r2")
    missing: ClassVar[float] = float("nan")
    score_name: ClassVar[str] = "mae"
    score_words: ClassVar[str] = "mean absolute error"
    greater_is_better: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(f"The targets of task '{self.name}'", self.targets, 1, 10_000, whole=True)
        for what, least in (("means", -LARGEST), ("deviations", LEAST)):
            numbers = as_tuple(f"The {what} of task '{self.name}'", getattr(self, what))
            object.__setattr__(self, what, numbers)
            for number in numbers:
                check_number(f"One of the {what} of task '{self.name}'", number, least, LARGEST)
        if self.lowest is not None:
            check_number(f"The lowest answer of task '{self.name}'", self.lowest, -LARGEST, LARGEST)
        require(
            len(self.means) == len(self.deviations) and len(self.means) in (0, self.targets),
            f"Task '{self.name}' needs a mean and a deviation for each of its {self.targets} targets, or none.",
        )

    @property
    def tags(self) -> Tags:
        return Tags(numeric=True)

    @property
    def units(self) -> int:
        return self.targets

    @property
    def missing_label(self) -> np.ndarray:
        return np.full(self.targets, self.missing)

    @property
    def any_label(self) -> np.ndarray:
        return np.zeros(self.targets) if self.unfitted else np.array(self.means, float)

    def encode(self, value: Raw) -> np.ndarray:
        """A number, or `targets` of them, as float64 (targets,)."""
        try:
            numbers = np.asarray(value, np.float64).reshape(-1)
        except (TypeError, ValueError, OverflowError):
            raise MMZooError(f"Task '{self.name}' needs {self.targets} number(s), not {value!r}.") from None
        require(
            numbers.shape == (self.targets,) and (np.abs(numbers) <= LARGEST).all(),
            f"Task '{self.name}' needs {self.targets} finite number(s) from -1e36 to 1e36, not {value!r}.",
        )
        return numbers

    def known(self, labels: Tensor) -> Tensor:
        return labels[:, 0] == labels[:, 0]

    @property
    def unfitted(self) -> bool:
        """Are the statistics of the labels not known? Until then the numbers are learned as they are."""
        return not self.means

    def fit(self, labels: np.ndarray) -> Self:
        """The task with the mean and the deviation of known labels (N, targets)."""
        known = np.asarray(labels, np.float64)[np.asarray(self.known(labels))]
        known = self.on_scale(known)
        if not len(known):
            return replace(self, means=(0.0,) * self.targets, deviations=(1.0,) * self.targets)
        largest = np.abs(known).max(axis=0)
        scale = np.exp2(np.frexp(largest)[1])  # squares of small numbers would vanish; a power of two rounds nothing
        means, spread = (known / scale).mean(axis=0), (known / scale).std(axis=0)
        varied = spread > SAME
        means = np.where(varied, means * scale, known[0])
        deviations = np.where(varied, np.maximum(spread * scale, LEAST), 1.0)
        return replace(self, means=tuple(means.tolist()), deviations=tuple(deviations.tolist()))

    def standardized(self, labels: Tensor) -> Tensor:
        """Labels (B, targets) on their scale, in deviations from their means there, float32."""
        from keras import ops

        # In float64: near 1e9, float32 has no numbers for what is between two that are 64 apart.
        exact = self.on_scale(ops.cast(labels, "float64"))
        if self.unfitted:
            return ops.cast(exact, "float32")
        return ops.cast((exact - np.array(self.means, float)) / np.array(self.deviations, float), "float32")

    def off_scale(self, numbers: Tensor) -> Tensor:
        if self.lowest is None:
            return numbers
        if isinstance(numbers, np.ndarray):
            return np.maximum(numbers, self.lowest)
        from keras import ops

        return ops.maximum(numbers, self.lowest)

    def head(self, fused: Fused, name: str) -> Tensor:
        """It begins near the mean of the training labels: an answer that is off by a deviation is to be unlearned."""
        from mmzoo.layers import head

        return head(self.units, name, scale=FIRST)(fused.embedding)

    def loss(self, labels: Tensor, logits: Tensor) -> Tensor:
        return self.distance(self.standardized(labels), logits)

    def imitation(self, teacher: Tensor, logits: Tensor, temperature: float = 1.0) -> Tensor:
        return self.distance(teacher, logits)

    def logits_like(self, other: Task, logits: np.ndarray) -> np.ndarray:
        return np.asarray(self.to_logits(other.to_predictions(logits)))

    def to_predictions(self, logits: Tensor) -> Tensor:
        """The numbers (B, targets) in the unit of the labels: float64 of a NumPy array, float32 in a graph."""
        if isinstance(logits, np.ndarray):
            return np.asarray(
                self.off_scale(logits.astype(np.float64) * (self.deviations or 1.0) + (self.means or 0.0))
            )
        if self.unfitted:
            return self.off_scale(logits)
        return self.off_scale(logits * np.array(self.deviations, np.float32) + np.array(self.means, np.float32))

    def to_logits(self, predictions: Tensor) -> Tensor:
        return self.standardized(predictions)

    def to_opinions(self, logits: Tensor) -> Tensor:
        """The logits themselves: numbers of a handful, whatever the unit of the labels, lose nothing in float32."""
        return logits

    def from_opinions(self, opinions: Tensor) -> Tensor:
        return opinions

    def log_odds(self, logits: Tensor, target: Tensor) -> Tensor:
        """How far above the mean of the training labels one number is, on their scale, (B,)."""
        from keras import ops

        return ops.take(logits * np.array(self.deviations or 1.0, np.float32), target, axis=1)

    def difference(self, answers: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """In deviations of the training labels, beyond what float32 rounds."""
        rounded = np.spacing(np.abs(wanted).astype(np.float32))
        return np.asarray(np.maximum(np.abs(answers - wanted) - rounded, 0.0) / (self.deviations or 1.0))

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
