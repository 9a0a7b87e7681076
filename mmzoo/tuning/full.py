"""All of the weights."""

from __future__ import annotations

import keras

from mmzoo.tuning import tuning
from mmzoo.tuning.groups import Group, Tuned
from mmzoo.tuning.parts import variables_of


@tuning.register("full")
def full(towers: list[list[keras.Variable]], rate: float) -> Tuned:
    """Every weight of the blocks that are not frozen, at the learning rate times `fine_tune_rate`."""
    return Tuned([Group(variables_of(tower), rate) for tower in towers])
