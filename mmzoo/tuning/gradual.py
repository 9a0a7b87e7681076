"""From the output to the input, one block after the other."""

from __future__ import annotations

import keras

from mmzoo.tuning import tuning
from mmzoo.tuning.groups import Group, Tuned
from mmzoo.tuning.parts import into_blocks, variables_of


@tuning.register("gradual")
def gradual(towers: list[list[keras.Variable]], rate: float, *, blocks: int = 4, epochs: int = 1) -> Tuned:
    """One block after the other begins to train, the last one first (ULMFiT; Howard & Ruder 2018, arXiv:1801.06146).

    The fusion and the heads train from the first epoch, the last block joins them `epochs` epochs later, and so on
    down to the input. A block that has begun has the rate of the others.

    Args:
        blocks: a tower is cut into so many of as many layers each.
        epochs: from one block to the next.
    """
    return Tuned(
        [
            Group(variables_of(block), rate, epochs * number)
            for tower in towers
            for number, block in enumerate(reversed(into_blocks(tower, blocks)), 1)
        ]
    )
