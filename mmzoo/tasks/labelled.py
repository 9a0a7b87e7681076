"""What the tasks have in common whose answer is probabilities of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from mmzoo.choice import Objective
from mmzoo.errors import as_tuple, check_number, require
from mmzoo.objectives import objectives
from mmzoo.tasks.base import Task


@dataclass(frozen=True)
class Labelled(Task):
    """A task whose loss is one of the objectives, of a wanted distribution over answers and the model's.

    Args:
        objective: what training makes small, a name or `Objective(name, option=...)`; see `mmzoo list objectives`.
        priors: the share of each output's label in the training records (of a binary one, of its second label);
            `Spec.fit` fills them in where the objective needs them.
    """

    objective: Objective | str = field(default="cross_entropy", kw_only=True)
    priors: Sequence[float] = field(default=(), kw_only=True)
    weighs_evidence: ClassVar[bool] = False
    """Can the answer be the mean of a Dirichlet distribution?"""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "objective", Objective.of(self.objective))
        object.__setattr__(self, "priors", as_tuple(f"The priors of task '{self.name}'", self.priors))
        name, options = self._chosen
        objectives.check_options(name, options)
        require(
            self.weighs_evidence or not self.evidential,
            f"Objective '{name}' is for a classification, not for task '{self.name}'; a Classification of two labels "
            "is a yes or no too.",
        )
        for prior in self.priors:
            check_number(f"A prior of task '{self.name}'", prior, 1e-9, 1)

    @property
    def _chosen(self) -> tuple[str, dict[str, Any]]:
        assert isinstance(self.objective, Objective)
        return self.objective.name, self.objective.options

    @property
    def evidential(self) -> bool:
        return objectives.facts(self._chosen[0]).get("reads") == "concentrations"

    @property
    def unfitted(self) -> bool:
        """Are the priors needed and not known?"""
        return objectives.facts(self._chosen[0]).get("needs") == "priors" and not self.priors

    def fit(self, labels: np.ndarray) -> Self:
        """The task with the priors of encoded labels (N, ...), those that are known.

        Every answer counts once more than it is there, so that none has a prior of 0.
        """
        return replace(self, priors=tuple(self.shares(labels[np.asarray(self.known(labels))]).tolist()))

    def shares(self, labels: np.ndarray) -> np.ndarray:
        """The share of each output's label among known ones, above 0."""
        raise NotImplementedError

    def answers(self, priors: np.ndarray) -> np.ndarray:
        """`priors` as the objective takes them: a distribution in the last axis."""
        raise NotImplementedError

    def distance(self, targets: Any, chances: Any) -> Any:
        """The objective (...) of wanted distributions and the logarithms of the model's, float32 (..., C).

        Or of the model's concentrations, where it reads these.
        """
        name, options = self._chosen
        require(
            not self.unfitted, f"Objective '{name}' of task '{self.name}' needs the priors; call spec.fit(records)."
        )
        priors = self.answers(np.asarray(self.priors, np.float32)) if self.priors else None
        return objectives[name](targets, chances, priors, **options)


def both(chance: Any) -> Any:
    """Shares of yes (...) as those of no and yes (..., 2)."""
    from keras import ops

    return ops.stack([1.0 - chance, chance], axis=-1)


def log_both(logits: Any) -> Any:
    """Logits of yes (...) as the logarithms of the probabilities of no and yes (..., 2)."""
    from keras import ops

    return ops.stack([ops.log_sigmoid(-logits), ops.log_sigmoid(logits)], axis=-1)
