"""The focal loss."""

from __future__ import annotations

from mmzoo.aliases import Tensor
from mmzoo.objectives import objectives


@objectives.register("focal", reads="log_probs")
def focal(targets: Tensor, log_probs: Tensor, priors: Tensor, *, gamma: float = 2.0) -> Tensor:
    """`-sum t (1 - p)^gamma log p`: what is answered well already counts little (Lin et al. 2017, arXiv:1708.02002)."""
    from keras import ops

    # The slope of a root is infinite at 0, so 1 - p stays a little above it.
    one_minus_p = ops.maximum(-ops.expm1(log_probs), 1e-7)
    return -ops.sum(targets * one_minus_p**gamma * log_probs, axis=-1)
