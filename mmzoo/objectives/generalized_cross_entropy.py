"""Between cross-entropy and the mean absolute error."""

from __future__ import annotations

from mmzoo.aliases import Tensor
from mmzoo.objectives import objectives


@objectives.register("generalized_cross_entropy", reads="log_probs")
def generalized_cross_entropy(targets: Tensor, log_probs: Tensor, priors: Tensor, *, q: float = 0.7) -> Tensor:
    """`sum t (1 - p^q) / q`, for labels that may be wrong (Zhang & Sabuncu 2018, arXiv:1805.07836); q = 1 is linear."""
    from keras import ops

    return -ops.sum(targets * ops.expm1(q * log_probs), axis=-1) / q
