"""The pairwise sigmoid loss."""

from __future__ import annotations

from mmzoo.aliases import Tensor
from mmzoo.objectives import objectives


@objectives.register("siglip", reads="similarities", scale="10", bias="0")
def siglip(targets: Tensor, similarities: Tensor, priors: Tensor) -> Tensor:
    """`-sum w log sigmoid(+-s)`: is each candidate the right one, yes or no? (Zhai et al. 2023, arXiv:2303.15343).

    From the scores goes the logarithm of how many are wrong, so that what is learned is the same in batches of any
    size: in the paper's of 32,768 that is the 10 which its bias begins with.
    """
    from keras import ops

    wrong = ops.sum(priors * (1.0 - targets), axis=-1, keepdims=True)
    similarities = similarities - ops.log(ops.maximum(wrong, 1.0))
    return ops.sum(priors * ops.softplus(ops.where(targets > 0, -similarities, similarities)), axis=-1)
