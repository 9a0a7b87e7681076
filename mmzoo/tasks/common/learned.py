"""What the tasks have in common whose loss is one of the objectives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from mmzoo.aliases import Tensor
from mmzoo.choice import Objective
from mmzoo.errors import require
from mmzoo.objectives import objectives
from mmzoo.tasks.base import Task


@dataclass(frozen=True)
class Learned(Task):
    """A task whose loss is one of the objectives.

    Args:
        objective: what training makes small, a name or `Objective(name, option=...)`; see `mmzoo list objectives`.
    """

    objective: Objective | str = field(default="", kw_only=True)
    reads: ClassVar[tuple[str, ...]] = ()
    """What an objective of this task may read, see `mmzoo.objectives`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "objective", Objective.of(self.objective))
        name, options = self._chosen
        objectives.check_options(name, options)
        fitting = [each for each in objectives.names() if reads(each) in self.reads]
        require(
            name in fitting,
            f"Objective '{name}' reads {reads(name).replace('_', ' ')}, which task '{self.name}' of kind "
            f"'{self.kind}' does not give; for it there are: {', '.join(fitting)}.",
        )

    @property
    def _chosen(self) -> tuple[str, dict[str, object]]:
        assert isinstance(self.objective, Objective)
        return self.objective.name, self.objective.options

    def distance(self, targets: Tensor, found: Tensor, priors: Tensor | None = None) -> Tensor:
        """The objective (...) of what is wanted and what the model gives, both float32 (..., C)."""
        name, options = self._chosen
        return objectives[name](targets, found, priors, **options)


def reads(objective: str) -> str:
    """What an objective takes of the model, see `mmzoo.objectives`."""
    return str(objectives.facts(objective)["reads"])
