"""The squared error of numbers."""

from __future__ import annotations

from mmzoo.aliases import Tensor
from mmzoo.objectives import objectives


@objectives.register("mse", reads="numbers")
def mse(targets: Tensor, numbers: Tensor, priors: Tensor) -> Tensor:
    """`mean (t - x)^2` of numbers."""
    from keras import ops

    return ops.mean(ops.square(targets - numbers), axis=-1)
