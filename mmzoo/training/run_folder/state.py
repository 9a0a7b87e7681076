"""Where a run is: what a checkpoint holds beside the trainer's variables."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.errors import MMZooError, require
from mmzoo.messages.words import one_line
from mmzoo.training.run_folder.checkpoint import load_checkpoint, save_checkpoint
from mmzoo.training.run_folder.notes import Row
from mmzoo.training.trainer import Trainer

if TYPE_CHECKING:
    import keras


@dataclass
class State:
    """Where a run is.

    step: how many steps were taken; batches, variants and dropout of modalities follow from it.
    epoch: how many epochs have ended.
    losses: of the steps of the epoch that goes on, each as its terms.
    best: the highest value so far of the metric that chooses, and in which epoch it was.
    lowered: the last epoch after which the learning rate was lowered.
    history: a row for each epoch that has ended.
    weights: those of the best epoch, by "best00000" and so on in the order of the model's variables.
    """

    step: int = 0
    epoch: int = 0
    losses: list[list[float]] = field(default_factory=list)
    best: float | None = None
    best_epoch: int = 0
    lowered: int = 0
    history: list[Row] = field(default_factory=list)
    weights: dict[str, np.ndarray] = field(default_factory=dict)

    def save(self, folder: Path, trainer: Trainer) -> None:
        """Write a checkpoint of this and of the trainer.

        Raises:
            MMZooError: it cannot be written; those that were there before are whole.
        """
        facts = {name: value for name, value in vars(self).items() if name != "weights"}
        save_checkpoint(folder, self.step, {**trainer.arrays(), **self.weights}, facts)

    @classmethod
    def load(cls, folder: Path, trainer: Trainer) -> State | None:
        """The newest checkpoint that is whole, put back into the trainer; None where there is none.

        Raises:
            MMZooError: it is of another model, or of none.
        """
        found = load_checkpoint(folder)
        if found is None:
            return None
        arrays, facts = found
        weights = {name: array for name, array in arrays.items() if name.startswith("best")}
        try:
            state = cls(**facts, weights=weights)
            require(all(type(n) is int and n >= 0 for n in (state.step, state.epoch)), "its step is no number")
            trainer.restore({name: array for name, array in arrays.items() if name not in weights})
        except Exception as error:  # whoever made it may have put anything into it
            raise MMZooError(
                f"The newest checkpoint in '{folder}' is not of this run ({one_line(error)[:200]}); remove it, or "
                "choose another --out."
            ) from error
        return state

    def keep(self, value: float, variables: list[keras.Variable]) -> None:
        """Keep the weights of the epoch that has just ended if `value` is as high as the best before, or higher."""
        if self.best is None or value >= self.best:
            self.best, self.best_epoch = value, self.epoch
            self.weights = {f"best{k:05d}": np.asarray(v.numpy()) for k, v in enumerate(variables)}

    def put_best(self, variables: list[keras.Variable]) -> None:
        """Give the model the weights of the best epoch."""
        for variable, name in zip(variables, sorted(self.weights), strict=True):
            variable.assign(self.weights[name])
