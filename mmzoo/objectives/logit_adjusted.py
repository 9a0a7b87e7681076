"""Cross-entropy that knows how rare each label is."""

from __future__ import annotations

from mmzoo.aliases import Tensor
from mmzoo.objectives import objectives


@objectives.register("logit_adjusted", reads="log_probs", needs="priors")
def logit_adjusted(targets: Tensor, log_probs: Tensor, priors: Tensor, *, tau: float = 1.0) -> Tensor:
    """Cross-entropy of `softmax(logits + tau log prior)`, for rare labels (Menon et al. 2021, arXiv:2007.07314).

    Without the prior, which is left out of the answers, they are those for equal shares of all labels.
    """
    from keras import ops

    adjusted = log_probs + tau * ops.log(priors)
    return -ops.sum(targets * ops.log_softmax(adjusted, axis=-1), axis=-1)
