"""Cross-entropy."""

from __future__ import annotations

from typing import Any

from mmzoo.objectives import objectives


@objectives.register("cross_entropy", reads="log_probs")
def cross_entropy(targets: Any, log_probs: Any, priors: Any) -> Any:
    """`-sum t log p`."""
    from keras import ops

    return -ops.sum(targets * log_probs, axis=-1)
