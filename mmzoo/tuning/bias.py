"""The biases only."""

from __future__ import annotations

import keras

from mmzoo.errors import require
from mmzoo.tuning import tuning
from mmzoo.tuning.groups import Group, Tuned
from mmzoo.tuning.parts import variables_of

BIASES = ("bias", "beta")  # "beta" is what Keras calls the bias of a normalization


@tuning.register("bias")
def bias(towers: list[list[keras.Variable]], rate: float) -> Tuned:
    """The biases, those of normalizations too, and nothing else (BitFit; Ben Zaken et al. 2022, arXiv:2106.10199).

    Raises:
        MMZooError: a tower has none.
    """
    groups = []
    for tower in towers:
        found = [variable for variable in variables_of(tower) if variable.name in BIASES]
        require(found, f"The tower with '{tower[0].name}' has no biases; tune it in another way, such as lora.")
        groups.append(Group(found, rate))
    return Tuned(groups)
