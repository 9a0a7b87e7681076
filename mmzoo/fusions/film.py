"""Feature-wise linear modulation."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.errors import unknown
from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.tokens import Tokens


@fusions.register("film", level="feature", absent="learned embedding")
def film(tokens: dict[str, Tokens], present: Any, *, dim: int, target: str = "") -> Any:
    """One modality's tokens, scaled and shifted as the others say (FiLM; Perez et al. 2018, arXiv:1709.07871).

    `x_t <- gelu((1 + gamma) x_t + beta)` with `[gamma; beta] = sum_m W_m x_m` over the other modalities; then the
    mean and maximum of its tokens. Absent ones, the target too, take part as their learned embeddings.

    Args:
        target: the name of the input that is modulated; the first, if not given.

    `Tokens` (B, T, dim) each -> (B, 2 dim).
    """
    target = target or next(iter(tokens))
    if target not in tokens:
        raise unknown("input for fusion 'film' to modulate called", target, tokens)
    said: Any = 0.0
    for name, each in tokens.items():
        if name != target:
            said = said + keras.layers.Dense(2 * dim, name=f"fusion_{name}")(pooled(each))
    values, mask = tokens[target]
    if len(tokens) > 1:
        gamma, beta = ops.split(said[:, None], 2, axis=-1)
        values = (1.0 + gamma) * values + beta
    return pooled(Tokens(keras.layers.Activation("gelu", name="fusion_activation")(values), mask))
