"""Feature-wise linear modulation."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.errors import unknown
from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.tokens import Tokens


def check_target(inputs: list[str], *, target: str | None, **options: object) -> None:
    """There is an input of that name."""
    if target is not None and target not in inputs:
        raise unknown("input for fusion 'film' to modulate called", target, inputs)


@fusions.register("film", check_target, level="feature", absent="learned embedding")
def film(
    tokens: dict[str, Tokens], present: Tensor, *, dim: int, target: str | None = None, dropout: float = 0.3
) -> Tensor:
    """The other modalities scale and shift the tokens of one (FiLM; Perez et al. 2018, arXiv:1709.07871).

    The paper's residual block on the target's tokens, `x + gelu((1 + g) norm(W x + c) + b)`, with
    `g = G [others] + d` and `b = B [others] + e` of the other modalities' vectors; a single modality is neither
    scaled nor shifted. An absent modality, be it the target, takes part as its learned embedding.

    Args:
        target: name of the input that is modulated; None takes the first.

    `Tokens` (B, T, dim) each -> (B, 2 dim).
    """
    target = next(iter(tokens)) if target is None else target
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
