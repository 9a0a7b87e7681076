"""The squared error of numbers."""

from __future__ import annotations

from typing import Any

from mmzoo.objectives import objectives


@objectives.register("mse", reads="numbers")
def mse(targets: Any, numbers: Any, priors: Any) -> Any:
    """`mean (t - x)^2` of numbers."""
    from keras import ops

    return ops.mean(ops.square(targets - numbers), axis=-1)
