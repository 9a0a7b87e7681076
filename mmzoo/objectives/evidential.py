"""Evidence for each label, and so how much there is in all."""

from __future__ import annotations

from mmzoo.aliases import Tensor
from mmzoo.objectives import objectives


@objectives.register("evidential", reads="concentrations")
def evidential(targets: Tensor, concentrations: Tensor, priors: Tensor, *, kl: float = 0.1) -> Tensor:
    """`sum (t - p)^2 + p (1 - p) / (S + 1)` of a Dirichlet, and `kl` times what it knows of wrong labels.

    Sensoy et al. 2018, arXiv:1806.01768, equation 5 and the divergence below it, with a share that stays: with
    concentrations a, `S = sum a` and `p = a / S`, the expected squared error, plus `kl KL(Dir(a') || Dir(1))` where
    `a' = t + (1 - t) a` leaves the evidence for the right label out.
    """
    import tensorflow as tf
    from keras import ops

    total = ops.sum(concentrations, axis=-1, keepdims=True)
    p = concentrations / total
    error = ops.sum(ops.square(targets - p) + p * (1.0 - p) / (total + 1.0), axis=-1)
    wrong = targets + (1.0 - targets) * concentrations
    all_wrong = ops.sum(wrong, axis=-1, keepdims=True)
    excess = (wrong - 1.0) * (tf.math.digamma(wrong) - tf.math.digamma(all_wrong)) - tf.math.lgamma(wrong)
    labels = float(concentrations.shape[-1])
    return error + kl * (ops.sum(excess, axis=-1) + tf.math.lgamma(all_wrong)[..., 0] - tf.math.lgamma(labels))
