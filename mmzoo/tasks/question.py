"""What is asked: the part of a task that is data, and stands in a spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, ClassVar, Literal, Self, TypeAlias

import numpy as np

from mmzoo.choice import plain
from mmzoo.errors import check_name, check_number, require, unknown
from mmzoo.tasks.tags import Tags

if TYPE_CHECKING:
    from mmzoo.modalities.base import Modality


Label: TypeAlias = np.ndarray | np.generic | int | float
"""A label as `loss` takes it."""
Readable: TypeAlias = Mapping[str, object] | Sequence[object] | str | np.ndarray
"""A prediction as a user reads it."""


@dataclass(frozen=True)
class Question:
    """What a task asks, and what others must know of it.

    Args:
        name: the key of the label in a record, and of the output in the model.
        weight: this task's share of the total loss.
        auxiliary: share of the losses of one extra head per modality,
            `weight * (loss + auxiliary * mean of the present modalities' losses)`.
            Above 0 the model has outputs `<task>.<input>` beside `<task>`.
        mutual: share of what each of these heads is made to answer like those of the other modalities that are
            present: `mutual * mean of their imitation` is added to its loss (Zhang et al. 2018, "Deep mutual
            learning", arXiv:1706.00384). Needs `auxiliary`.
    """

    name: str
    weight: float = field(default=1.0, kw_only=True)
    auxiliary: float = field(default=0.0, kw_only=True)
    mutual: float = field(default=0.0, kw_only=True)
    kind: ClassVar[str] = ""
    """The name in the registry, and in a spec's JSON."""
    target: ClassVar[Literal["label", "input", "batch"]] = "label"
    """What the answer is held against: a "label", which is a column of its own; one of the spec's own "input"s, see
    `column`; or the "batch", where no column says what is right but which examples belong together."""

    def __post_init__(self) -> None:
        check_name(self.kind, self.name)
        check_number(f"The weight of task '{self.name}'", self.weight, 0, 1e6)
        check_number(f"The auxiliary weight of task '{self.name}'", self.auxiliary, 0, 1e6)
        check_number(f"The mutual weight of task '{self.name}'", self.mutual, 0, 1e6)
        require(
            self.auxiliary or not self.mutual,
            f"The modalities of task '{self.name}' can only learn of each other with heads of their own; "
            "set 'auxiliary' above 0 too.",
        )

    @property
    def tags(self) -> Tags:
        """What others may have to know of the answers."""
        return Tags()

    @property
    def column(self) -> str | None:
        """The column of records that the answer is held against; None where `target` is the batch.

        A task whose target is an input overrides this with the input's name.
        """
        return None if self.target == "batch" else self.name

    @property
    def group_columns(self) -> tuple[str, ...]:
        """Where `target` is the batch, the columns that say which records are alike: its labels are their groups.

        Encoded labels are int32 (N, columns) then: records that hold the same in a column have the same number there,
        and -1 stands for nothing.
        """
        return ()

    @property
    def units(self) -> int:
        """Width of the head's output (the logits)."""
        raise NotImplementedError

    @property
    def answer_names(self) -> tuple[str, ...]:
        """What each number of an answer is called: a class, or "number 1"."""
        return tuple(f"number {k + 1}" for k in range(self.units))

    @property
    def summary(self) -> str:
        """The task in a few words."""
        return self.kind

    @classmethod
    def suited(cls, item: Modality, frozen: str) -> Modality:
        """An input that was guessed of a table, as this task reads it best where no column says what is right.

        Args:
            frozen: the tower that is the part of the input's own that never learns; "" if it has none.
        """
        return item

    @classmethod
    def without_label(cls, name: str, inputs: Sequence[Modality], named: Sequence[str]) -> Sequence[Self]:
        """What is asked of a table of these inputs, where no column says what is right.

        Args:
            name: that no column has.
            named: the inputs whose towers begin as networks that know classes by name.

        Raises:
            MMZooError: there is nothing to ask.
        """
        return [cls(name)]

    def of_inputs(self, inputs: Sequence[Modality]) -> Self:
        """The task as a spec with these inputs asks it.

        Raises:
            MMZooError: it cannot be asked of them.
        """
        return self

    def left_with(self, inputs: Sequence[str]) -> Self | None:
        """The task where only these inputs are left; None where nothing is left to ask."""
        return self

    def place_of(self, name: str) -> int:
        """The place of a name in `answer_names`.

        Raises:
            MMZooError: there is none.
        """
        if name not in self.answer_names:
            raise unknown(f"label of task '{self.name}' called", name, self.answer_names)
        return self.answer_names.index(name)

    @property
    def fuses(self) -> bool:
        """Does it ask what the fusion makes of all modalities? If not, only heads of single modalities are made."""
        return True

    def alone(self, inputs: Sequence[str], decided: bool) -> Sequence[str]:
        """The inputs that have a head of their own.

        Args:
            inputs: all of the spec.
            decided: does the fusion join the answers of single modalities?
        """
        return inputs if decided or self.auxiliary else ()

    def matches(self, other: Question) -> bool:
        """Does another task of the same name ask the same, so that its answers can stand beside these?"""
        theirs, ours = ((each.name, each.kind, each.units, each.answer_names) for each in (other, self))
        return theirs == ours

    def describe(self) -> dict[str, object]:
        """What a client of an exported model must know of the answer."""
        return {"name": self.name, "kind": self.kind, "labels": []}

    def to_json(self) -> dict[str, object]:
        """The fields as plain data, with `kind`."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {"kind": self.kind} | {name: plain(value) for name, value in values.items()}
