"""What the tasks have in common."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

import numpy as np

from mmzoo.choice import plain
from mmzoo.errors import check_name, check_number, require


@dataclass(frozen=True)
class Task:
    """One question asked of the fused embedding: its head, its loss and its metrics.

    Args:
        name: the key of the label in a record, and of the output in the model.
        weight: this task's share of the total loss.
        auxiliary: share of the losses of one extra head per modality,
            `weight * (loss + auxiliary * mean of the present modalities' losses)`.
            Above 0 the model has outputs `<task>.<input>` beside `<task>`.
        mutual: share of what each of these heads is made to answer like those of the other modalities that are
            present: `mutual * mean of their imitation` is added to its loss (Zhang et al. 2018, "Deep mutual
            learning", arXiv:1706.00384). Needs `auxiliary`.
    """

    name: str
    weight: float = field(default=1.0, kw_only=True)
    auxiliary: float = field(default=0.0, kw_only=True)
    mutual: float = field(default=0.0, kw_only=True)
    kind: ClassVar[str] = ""
    primary_metric: ClassVar[str] = ""
    """The metric that selects the best epoch; higher is better."""
    metric_names: ClassVar[tuple[str, ...]] = ()
    """All that `metrics` may give."""
    exclusive: ClassVar[bool] = True
    """Is exactly one of the labels right?"""
    missing: ClassVar[Any] = -1
    """What stands for a label that a record does not have: -1 for a class, NaN for numbers."""

    def __post_init__(self) -> None:
        check_name(self.kind, self.name)
        check_number(f"The weight of task '{self.name}'", self.weight, 0, 1e6)
        check_number(f"The auxiliary weight of task '{self.name}'", self.auxiliary, 0, 1e6)
        check_number(f"The mutual weight of task '{self.name}'", self.mutual, 0, 1e6)
        require(
            self.auxiliary or not self.mutual,
            f"The modalities of task '{self.name}' can only learn of each other with heads of their own; "
            "set 'auxiliary' above 0 too.",
        )

    @property
    def units(self) -> int:
        """Width of the head's output (the logits)."""
        raise NotImplementedError

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes; none where the answer is numbers."""
        return ()

    def readable(self, prediction: np.ndarray) -> dict[str, float] | list[float]:
        """One finished prediction as a user reads it: `{label: probability}`, or the numbers."""
        numbers = [float(number) for number in prediction]
        return dict(zip(self.labels, numbers, strict=True)) if self.labels else numbers

    def encode(self, value: Any) -> Any:
        """A label as a record has it, as what `loss` takes."""
        raise NotImplementedError

    @property
    def unfitted(self) -> bool:
        """Is there something that `fit` has to fill in?"""
        return False

    def fit(self, labels: np.ndarray) -> Self:
        """The task with what its loss has to know of the training labels, encoded (N, ...)."""
        return self

    def known(self, labels: Any) -> Any:
        """Which of the encoded labels are given, bool (B,)."""
        return labels >= 0

    def loss(self, labels: Any, logits: Any) -> Any:
        """Loss (B,) of each example, from labels that are known and float32 logits (B, units)."""
        raise NotImplementedError

    def imitation(self, teacher: Any, logits: Any, temperature: float = 1.0) -> Any:
        """How far `logits` (B, units) are from a teacher's, (B,): here the mean divergence of yes or no.

        Divided by the temperature first, and times its square, so that the gradient does not grow small with it
        (Hinton et al. 2015, arXiv:1503.02531).
        """
        from keras import ops

        taught, said = teacher / temperature, logits / temperature
        p = ops.sigmoid(taught)
        return temperature**2 * ops.mean(bernoulli_loss(p, said) - bernoulli_loss(p, taught), axis=-1)

    def finish(self, logits: Any) -> Any:
        """What a user sees, from the logits: in the graph of every exported model."""
        raise NotImplementedError

    @property
    def no_label(self) -> Any:
        """What stands for a label that is missing, of the type and shape that `encode` gives."""
        return np.int32(self.missing)

    @property
    def evidential(self) -> bool:
        """Do the logits stand for evidence, not for probabilities?"""
        return False

    def uncertainty(self, logits: Any) -> Any:
        """How much of the answer is not known for want of evidence, (B, 1) from 0 to 1; None where a task cannot say.

        Beside the answer in every export and in `predict`, as `uncertainty_name` says.
        """
        return None

    @property
    def uncertainty_name(self) -> str:
        """What `uncertainty` is called beside the answers."""
        return f"{self.name}_uncertainty"

    def unfinish(self, answers: Any) -> Any:
        """Logits that `finish` turns into these answers: how a decision-level fusion hands on what it decided."""
        raise NotImplementedError

    def metrics(self, labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Metrics by name, from known labels and finished predictions; one that is not defined on them is left out."""
        raise NotImplementedError

    def worth(self, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """How good each finished prediction is, float (B,), higher is better: here 1 for the right class, else 0."""
        return (predictions.argmax(axis=-1) == labels).astype(float)

    def to_json(self) -> dict[str, Any]:
        """The fields as plain data, with `kind`."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {"kind": self.kind} | {name: plain(value) for name, value in values.items()}


def check_labels(task: str, labels: Any, least: int = 2) -> tuple[str, ...]:
    """The labels of a task as a tuple, if they are names, different, and not too few."""
    labels = tuple(labels)
    require(
        all(isinstance(label, str) and label for label in labels),
        f"The labels of task '{task}' must be non-empty strings, not {list(labels)}.",
    )
    few = f"Task '{task}' needs at least {'two labels' if least == 2 else 'one label'}, not {list(labels)}."
    require(len(labels) >= least, few)
    double = [label for label, count in Counter(labels).items() if count > 1]
    require(not double, f"Task '{task}' has labels that repeat: {', '.join(sorted(double))}; name each once.")
    return labels


def bernoulli_loss(labels: Any, logits: Any) -> Any:
    """Cross-entropy of yes or no, element by element: `log(1 + exp(x)) - label * x`, in its stable form."""
    from keras import ops

    return ops.maximum(logits, 0.0) - logits * labels + ops.log1p(ops.exp(-ops.abs(logits)))
