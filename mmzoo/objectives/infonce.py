"""InfoNCE."""

from __future__ import annotations

from mmzoo.aliases import Tensor
from mmzoo.objectives import objectives


@objectives.register("infonce", reads="similarities", scale="14.3", bias="0")
def infonce(targets: Tensor, similarities: Tensor, priors: Tensor) -> Tensor:
    """`-log(exp(s_right) / sum w exp(s))`: of all candidates the right one (Oord et al. 2018, arXiv:1807.03748)."""
    from keras import ops

    counted = ops.where(priors > 0, similarities + ops.log(ops.where(priors > 0, priors, 1.0)), -1e9)
    return ops.logsumexp(counted, axis=-1) - ops.sum(targets * similarities, axis=-1)
