"""Cross-entropy and its reverse."""

from __future__ import annotations

from mmzoo.aliases import Tensor
from mmzoo.objectives import objectives

LOG_ZERO = -4.0  # what stands for log 0, as in the paper


@objectives.register("symmetric_cross_entropy", reads="log_probs")
def symmetric_cross_entropy(
    targets: Tensor, log_probs: Tensor, priors: Tensor, *, alpha: float = 0.1, beta: float = 1.0
) -> Tensor:
    """`-alpha sum t log p - beta sum p log t`, log 0 = -4: for wrong labels (Wang et al. 2019, arXiv:1908.06112)."""
    from keras import ops

    reverse = ops.log(ops.maximum(targets, ops.exp(LOG_ZERO)))
    return -ops.sum(alpha * targets * log_probs + beta * ops.exp(log_probs) * reverse, axis=-1)
