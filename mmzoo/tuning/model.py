"""A way to tune, applied to a model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Protocol

import keras

from mmzoo.choice import Tune
from mmzoo.errors import require
from mmzoo.tuning import tuning
from mmzoo.tuning.groups import Group, Tuned
from mmzoo.tuning.parts import tuned_towers, variables_of


class Settings(Protocol):
    """What must be said of a training to tune a model: which way, what, how fast, and how long."""

    @property
    def tune(self) -> Tune | str: ...

    @property
    def tune_inputs(self) -> Sequence[str]: ...

    @property
    def fine_tune_rate(self) -> float: ...

    @property
    def epochs(self) -> int: ...


def tune(model: keras.Model, training: Settings) -> Tuned:
    """What trains of a model, as the settings say: groups by the epoch they begin in, first what is not tuned.

    Variables of one rate that begin in one epoch are one group.

    Args:
        model: from what a feed gives to the model's outputs.

    Raises:
        MMZooError: there is nothing to tune in that way, or a block would begin when training is over.
    """
    towers = tuned_towers(model, training.tune_inputs)
    way = Tune.of(training.tune)
    require(
        towers or way.name == "full",
        f"No tower of this model has pretrained blocks that can train, so there is nothing to tune by '{way.name}': "
        "give a tower weights and trainable_blocks, or name inputs whose towers are tuned as they are, such as "
        f'training.tune_inputs=["{next(iter(model.input))}"].',
    )
    found = tuning[way.name](towers, training.fine_tune_rate, **way.options)
    tuned = {id(variable) for tower in towers for variable in variables_of(tower)}
    others = Group([v for v in model.trainable_variables if id(v) not in tuned])
    last = max(group.epoch for group in [others, *found.groups])
    require(
        last < training.epochs,
        f"'{way.name}' would begin with its last block after epoch {last}, and training ends after {training.epochs}; "
        "give it fewer blocks, or more epochs to train.",
    )

    def kind(group: Group) -> tuple[int, float]:
        return group.epoch, -group.rate

    alike = groupby(sorted([others, *found.groups], key=kind), kind)
    groups = [Group([v for group in same for v in group.variables], -rate, epoch) for (epoch, rate), same in alike]
    return Tuned([group for group in groups if group.variables], found.additions)
