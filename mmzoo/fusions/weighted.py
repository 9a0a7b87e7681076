"""Weighted sum."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.errors import require
from mmzoo.fusions import fusions
from mmzoo.layers import stacked
from mmzoo.tokens import Tokens, masked_softmax


def check_alpha(inputs: list[str], *, alpha: Sequence[float] | None) -> None:
    """Each input has a weight."""
    require(
        alpha is None or len(alpha) == len(inputs),
        f"Fusion 'weighted' needs one alpha above 0 for each of the {len(inputs)} inputs, not {alpha}.",
    )


@fusions.register("weighted", check_alpha, level="feature", absent="left out")
def weighted(tokens: dict[str, Tokens], present: Tensor, *, dim: int, alpha: Sequence[float] | None = None) -> Tensor:
    """A convex combination of the modalities that are present: `sum_m a_m x_m`, sum of a = 1.

    Args:
        alpha: fixed weights in the spec's order, normalised over what is present;
            None learns them, `a = softmax(w . x_m)` over what is present, per example
            (the attention over modalities of Hori et al. 2017, arXiv:1701.03126).

    `Tokens` (B, T, dim) each -> (B, dim).
    """
    x = stacked(tokens)
    if alpha is None:
        scores = keras.layers.Dense(1, use_bias=False, name="fusion.score")(x)[..., 0]
        weights = masked_softmax(scores, present)
    else:
        kept = ops.cast(present, "float32") * ops.convert_to_tensor([alpha], "float32")
        weights = kept / ops.maximum(ops.sum(kept, axis=1, keepdims=True), 1e-9)
    return ops.sum(x * weights[..., None], axis=1)
