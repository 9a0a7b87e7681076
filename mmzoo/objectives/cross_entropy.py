"""Cross-entropy."""

from __future__ import annotations

from mmzoo.aliases import Tensor
from mmzoo.objectives import objectives


@objectives.register("cross_entropy", reads="log_probs")
def cross_entropy(targets: Tensor, log_probs: Tensor, priors: Tensor) -> Tensor:
    """`-sum t log p`."""
    from keras import ops

    return -ops.sum(targets * log_probs, axis=-1)
