"""The product of the modalities' probabilities."""

from __future__ import annotations

from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.fusions import fusions
from mmzoo.tasks.base import Task


@fusions.register("product_of_experts", level="decision", absent="left out")
def product_of_experts(logits: dict[str, Tensor], present: Tensor, *, task: Task) -> Tensor:
    """The normalised product of the probabilities of what is present: the sum of the logits.

    Hinton 2002, "Training Products of Experts by Minimizing Contrastive Divergence". For numbers,
    whose experts are normal distributions of equal width, the product is centred on the mean.

    Logits (B, K) each -> logits (B, K).
    """
    stacked = ops.stack(list(logits.values()), axis=1)
    kept = ops.cast(present, stacked.dtype)[..., None]
    total = ops.sum(stacked * kept, axis=1)
    return total if task.tags.probabilistic else total / ops.maximum(ops.sum(kept, axis=1), 1.0)
