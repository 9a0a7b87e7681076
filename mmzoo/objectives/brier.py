"""The squared error of probabilities."""

from __future__ import annotations

from mmzoo.aliases import Tensor
from mmzoo.objectives import objectives


@objectives.register("brier", reads="log_probs")
def brier(targets: Tensor, log_probs: Tensor, priors: Tensor) -> Tensor:
    """`sum (t - p)^2`, the squared error of the probabilities (Brier 1950)."""
    from keras import ops

    return ops.sum(ops.square(targets - ops.exp(log_probs)), axis=-1)
