"""Number by number: sum, mean, maximum, product."""

from __future__ import annotations

from typing import Any

from keras import ops

from mmzoo.fusions import fusions
from mmzoo.layers import stacked
from mmzoo.tokens import Tokens, masked_max, masked_mean


@fusions.register("sum", level="feature", absent="left out")
def sum_(tokens: dict[str, Tokens], present: Any, *, dim: int) -> Any:
    """The sum of the modalities that are present: `sum_m x_m`.

    `Tokens` (B, T, dim) each -> (B, 2 dim).
    """
    return ops.sum(ops.where(present[..., None], stacked(tokens), 0.0), axis=1)


@fusions.register("mean", level="feature", absent="left out")
def mean(tokens: dict[str, Tokens], present: Any, *, dim: int) -> Any:
    """The mean of the modalities that are present.

    `Tokens` (B, T, dim) each -> (B, 2 dim).
    """
    return masked_mean(stacked(tokens), present)


@fusions.register("max", level="feature", absent="left out")
def max_(tokens: dict[str, Tokens], present: Any, *, dim: int) -> Any:
    """The largest of each number among the modalities that are present.

    `Tokens` (B, T, dim) each -> (B, 2 dim).
    """
    return masked_max(stacked(tokens), present)


@fusions.register("product", level="feature", absent="left out")
def product(tokens: dict[str, Tokens], present: Any, *, dim: int) -> Any:
    """The product of the modalities that are present, `prod_m x_m`; an absent one counts as 1.

    `Tokens` (B, T, dim) each -> (B, 2 dim).
    """
    return ops.prod(ops.where(present[..., None], stacked(tokens), 1.0), axis=1)
