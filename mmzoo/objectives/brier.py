"""The squared error of probabilities."""

from __future__ import annotations

from typing import Any

from mmzoo.objectives import objectives


@objectives.register("brier", reads="log_probs")
def brier(targets: Any, log_probs: Any, priors: Any) -> Any:
    """`sum (t - p)^2`, the squared error of the probabilities (Brier 1950)."""
    from keras import ops

    return ops.sum(ops.square(targets - ops.exp(log_probs)), axis=-1)
