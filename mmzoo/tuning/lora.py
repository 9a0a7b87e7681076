"""Low-rank additions to the kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras

from mmzoo.aliases import Tensor
from mmzoo.errors import require
from mmzoo.names import within_owner
from mmzoo.tuning import tuning
from mmzoo.tuning.bias import BIASES
from mmzoo.tuning.groups import Addition, Group, Tuned
from mmzoo.tuning.parts import variables_of


@tuning.register("lora")
def lora(
    towers: list[list[keras.Variable]],
    rate: float,
    *,
    rank: int = 4,
    alpha: float | None = None,
    only: Sequence[str] = (),
) -> Tuned:
    """Products of two thin matrices that are added to the kernels (LoRA; Hu et al. 2022, arXiv:2106.09685).

    To whatever has two axes or more: kernels of dense, convolutional and recurrent layers, embeddings. A kernel
    of more axes is a matrix, its axes parted where that is nearest to a square; one that is no larger than its
    addition would be is left as it is. What is saved is the sum, a model like any other. The thin matrices are new,
    and learn at the whole learning rate.

    Args:
        rank: of the products.
        alpha: the product counts alpha / rank times; the rank, if not given.
        only: kernels whose path within their tower has one of these words: ["query", "value"] as in the paper.

    Raises:
        MMZooError: nothing in a tower is so called, or is large enough.
    """
    words = list(only)
    additions = []
    for tower in towers:
        kernels = [v for v in variables_of(tower) if not words or any(word in within_owner(v.path) for word in words)]
        found = [
            add_to(kernel, rank, (alpha or rank) / rank)
            for kernel in kernels
            if kernel.name not in BIASES and rank * sum(matrix(kernel.shape)) < math.prod(kernel.shape)
        ]
        called = f" with {' or '.join(words)} in its path" if words else ""
        require(
            found,
            f"The tower with '{tower[0].name}' has no kernel{called} that is larger than an addition of rank {rank}; "
            "give a smaller rank, or tune it in another way, such as bias.",
        )
        additions += found
    return Tuned([Group([factor for each in additions for factor in (each.a, each.b)])], additions)


def matrix(shape: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of a kernel as a matrix: the fewest of both together."""
    sides = [(math.prod(shape[:axis]), math.prod(shape[axis:])) for axis in range(1, len(shape))]
    return min(sides or [(1, math.prod(shape))], key=sum)


def add_to(kernel: Tensor, rank: int, scale: float) -> Addition:
    """An addition of nothing yet: its first matrix is drawn, its second is zero."""
    rows, columns = matrix(kernel.shape)
    a = keras.Variable("he_uniform", shape=(rows, rank), dtype="float32", name="lora_a")
    b = keras.Variable("zeros", shape=(rank, columns), dtype="float32", name="lora_b")
    return Addition(kernel, a, b, scale)
