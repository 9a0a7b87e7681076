"""Sum, mean, maximum and product, element by element."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import mul

from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.fusions import fusions
from mmzoo.layers import pooled, stacked
from mmzoo.tokens import Tokens, masked_max, masked_mean


@fusions.register("sum", level="feature", absent="left out")
def add(tokens: dict[str, Tokens], present: Tensor, *, dim: int) -> Tensor:
    """The sum of the modalities that are present: `sum_m x_m` (Kiela et al. 2018, arXiv:1802.02892).

    `Tokens` (B, T, dim) each -> (B, 2 dim), zeros where nothing is present.
    """
    return ops.sum(ops.where(present[..., None], stacked(tokens), 0.0), axis=1)


@fusions.register("mean", level="feature", absent="left out")
def average(tokens: dict[str, Tokens], present: Tensor, *, dim: int) -> Tensor:
    """The mean of the modalities that are present: the sum, of one size however many there are.

    `Tokens` (B, T, dim) each -> (B, 2 dim), zeros where nothing is present.
    """
    return masked_mean(stacked(tokens), present)


@fusions.register("max", level="feature", absent="left out")
def maximum(tokens: dict[str, Tokens], present: Tensor, *, dim: int) -> Tensor:
    """The largest of the modalities that are present: `max_m x_m` (Kiela et al. 2018, arXiv:1802.02892).

    `Tokens` (B, T, dim) each -> (B, 2 dim), zeros where nothing is present.
    """
    return masked_max(stacked(tokens), present)


@fusions.register("product", level="feature", absent="left out")
def product(tokens: dict[str, Tokens], present: Tensor, *, dim: int) -> Tensor:
    """The product of the modalities that are present: `prod_m x_m`; an absent one counts as 1.

    The join of picture and question of the first VQA models (Antol et al. 2015, arXiv:1505.00468).

    `Tokens` (B, T, dim) each -> (B, 2 dim), ones where nothing is present.
    """
    return product_of(map(pooled, tokens.values()), present)


def product_of(vectors: Iterable[Tensor], present: Tensor) -> Tensor:
    """The product (B, D) of M vectors (B, D), an absent one counting as 1."""
    return reduce(mul, (ops.where(present[:, k : k + 1], vector, 1.0) for k, vector in enumerate(vectors)))
