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
def film(tokens: dict[str, Tokens], present: Any, *, dim: int, target: str | None = None, dropout: float = 0.3) -> Any:
    """The other modalities scale and shift the tokens of one (FiLM; Perez et al. 2018, arXiv:1709.07871).

    The paper's residual block on the target's tokens, `x + gelu((1 + g) norm(W x + c) + b)`, with
    `g = G [others] + d` and `b = B [others] + e` of the other modalities' vectors; a single modality is neither
    scaled nor shifted. An absent modality, be it the target, takes part as its learned embedding.

    Args:
        target: name of the input that is modulated; None takes the first.

    `Tokens` (B, T, dim) each -> (B, 2 dim).

    Raises:
        MMZooError: there is no input called `target`.
    """
    target = next(iter(tokens)) if target is None else target
    if target not in tokens:
        raise unknown("input for fusion 'film' to modulate called", target, tokens)
    values, mask = tokens[target]
    x = keras.layers.Dense(dim, name="fusion.dense")(values)
    x = keras.layers.LayerNormalization(center=False, scale=False, name="fusion.norm")(x)
    others = [pooled(each) for name, each in tokens.items() if name != target]
    if others:
        joined = keras.layers.Dropout(dropout, name="fusion.dropout")(ops.concatenate(others, axis=-1))
        scale = keras.layers.Dense(dim, name="fusion.scale")(joined)[:, None]
        shift = keras.layers.Dense(dim, name="fusion.shift")(joined)[:, None]
        x = (1.0 + scale) * x + shift
    return pooled(Tokens(values + keras.activations.gelu(x), mask))
