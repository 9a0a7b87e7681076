"""Between the squared and the absolute error of numbers."""

from __future__ import annotations

from mmzoo.aliases import Tensor
from mmzoo.objectives import objectives


@objectives.register("huber", reads="numbers")
def huber(targets: Tensor, numbers: Tensor, priors: Tensor, *, delta: float = 1.0) -> Tensor:
    """Half the squared error of numbers up to `delta` deviations of the training labels, linear beyond (Huber 1964)."""
    from keras import ops

    error = ops.abs(targets - numbers)
    return ops.mean(ops.where(error < delta, 0.5 * ops.square(error), delta * (error - 0.5 * delta)), axis=-1)
