"""What the tasks have in common."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from mmzoo.errors import check_name, check_number


@dataclass(frozen=True)
class Task:
    """One question asked of the fused embedding: its head, its loss and its metrics.

    Args:
        name: the key of the label in a record, and of the output in the model.
        weight: this task's share of the total loss.
        auxiliary: share of the losses of one extra head per modality,
            `weight * (loss + auxiliary * mean of the present modalities' losses)`.
            Above 0 the model has outputs `<task>_<input>` beside `<task>`.
    """

    name: str
    weight: float = field(default=1.0, kw_only=True)
    auxiliary: float = field(default=0.0, kw_only=True)
    kind: ClassVar[str] = ""
    primary_metric: ClassVar[str] = ""
    """The metric that selects the best epoch; higher is better."""

    def __post_init__(self) -> None:
        check_name(self.kind, self.name)
        check_number(f"The weight of task '{self.name}'", self.weight, 0, 1e6)
        check_number(f"The auxiliary weight of task '{self.name}'", self.auxiliary, 0, 1e6)

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

    def loss(self, labels: Any, logits: Any) -> Any:
        """Loss (B,) of each example, from labels and float32 logits (B, units)."""
        raise NotImplementedError

    def finish(self, logits: Any) -> Any:
        """What a user sees, from the logits: in the graph of every exported model."""
        raise NotImplementedError

    def metrics(self, labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Metrics by name, from encoded labels and finished predictions."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """The fields as plain data, with `kind`."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {"kind": self.kind} | {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
