"""Between the squared and the absolute error of numbers."""

from __future__ import annotations

from typing import Any

from mmzoo.objectives import objectives


@objectives.register("huber", reads="numbers")
def huber(targets: Any, numbers: Any, priors: Any, *, delta: float = 1.0) -> Any:
    """Half the squared error of numbers up to `delta`, linear beyond (Huber 1964)."""
    from keras import ops

    error = ops.abs(targets - numbers)
    return ops.mean(ops.where(error < delta, 0.5 * ops.square(error), delta * (error - 0.5 * delta)), axis=-1)
