"""The absolute error of numbers."""

from __future__ import annotations

from mmzoo.aliases import Tensor
from mmzoo.objectives import objectives


@objectives.register("mae", reads="numbers")
def mae(targets: Tensor, numbers: Tensor, priors: Tensor) -> Tensor:
    """`mean abs(t - x)` of numbers: what lies far off counts no more than its distance."""
    from keras import ops

    return ops.mean(ops.abs(targets - numbers), axis=-1)
