"""Slower towards the input."""

from __future__ import annotations

import keras

from mmzoo.tuning import tuning
from mmzoo.tuning.groups import Group, Tuned
from mmzoo.tuning.parts import into_blocks, variables_of


@tuning.register("layer_decay")
def layer_decay(towers: list[list[keras.Variable]], rate: float, *, decay: float = 0.75, blocks: int = 12) -> Tuned:
    """Each block learns `decay` times as fast as the one above it (ELECTRA; Clark et al. 2020, arXiv:2003.10555).

    Of L blocks, the l-th from the input learns at the learning rate times `fine_tune_rate` times decay**(L - l).

    Args:
        decay: factor from a block to the one below it.
        blocks: a tower is cut into so many of as many layers each.
    """
    groups = []
    for tower in towers:
        parts = into_blocks(tower, blocks)
        groups += [
            Group(variables_of(block), rate * decay ** (len(parts) - number)) for number, block in enumerate(parts, 1)
        ]
    return Tuned(groups)
