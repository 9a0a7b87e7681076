"""Mixture of experts."""

from __future__ import annotations

from typing import Annotated

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.errors import check_number
from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.options import Range
from mmzoo.tokens import Tokens, masked_softmax


def check_top(inputs: list[str], *, experts: int, top: int | None, **options: object) -> None:
    """No more experts can answer than there are."""
    if top is not None:
        check_number("The option 'top' of fusion 'mixture_of_experts'", top, 1, experts, whole=True)


@fusions.register("mixture_of_experts", check_top, level="feature", absent="learned embedding")
def mixture_of_experts(
    tokens: dict[str, Tokens],
    present: Tensor,
    *,
    dim: int,
    experts: Annotated[int, Range(2, 4096)] = 4,
    top: int | None = None,
    dropout: float = 0.3,
) -> Tensor:
    """Dense layers over all modalities, weighted example by example by a gate: `sum_e g_e gelu(W_e x + b_e)`.

    `g = softmax(V x + c)` (Jacobs et al. 1991, "Adaptive Mixtures of Local Experts"), x the modalities' vectors side by
    side. An absent modality takes part as its learned embedding, so that the gate knows what is missing.

    Args:
        experts: number of experts.
        top: only this many experts with the highest gates answer an example (Shazeer et al. 2017, arXiv:1701.06538,
            without their noise and their balancing loss: an expert may fall idle); None asks all of them.

    `Tokens` (B, T, dim) each -> (B, dim).
    """
    joined = ops.concatenate([pooled(t) for t in tokens.values()], axis=-1)
    joined = keras.layers.Dropout(dropout, name="fusion.dropout")(joined)
    scores = keras.layers.Dense(experts, name="fusion.gate")(joined)
    kept = scores >= ops.top_k(scores, experts if top is None else top)[0][:, -1:]
    answers = keras.layers.Dense(experts * dim, activation="gelu", name="fusion.experts")(joined)
    answers = ops.reshape(answers, (-1, experts, dim))
    return ops.sum(masked_softmax(scores, kept)[..., None] * answers, axis=1)
