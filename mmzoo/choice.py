"""A name with options: how a spec points at an entry of a registry."""

from __future__ import annotations

from typing import Self

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError, require


def plain(value: Raw) -> object:
    """As JSON has it: tuples are lists, a choice within a choice is its name and options."""
    if isinstance(value, Choice):
        return value.to_json()
    return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value


class Choice:
    """A registered name and the options it is called with. Compares by value and prints as it is written."""

    def __init__(self, name: str, /, **options: object) -> None:
        require(isinstance(name, str), f"The name of a {type(self).__name__.lower()} must be a string, not {name!r}.")
        self.name, self.options = name, {key: plain(value) for key, value in options.items()}

    @classmethod
    def of(cls, value: Raw) -> Self:
        """`value` as a choice: itself, or from a bare name, or from its JSON form."""
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            return cls(value)
        if not isinstance(value, dict) or "name" not in value:
            kind = cls.__name__
            raise MMZooError(f"A {kind.lower()} is a name or mmzoo.{kind}(name, option=...), not {value!r}.")
        return cls(value["name"], **{k: v for k, v in value.items() if k != "name"})

    def to_json(self) -> dict[str, object]:
        return {"name": self.name, **self.options}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and type(self) is type(other) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((type(self), self.name))

    def __repr__(self) -> str:
        options = "".join(f", {k}={v!r}" for k, v in self.options.items())
        return f"{type(self).__name__}({self.name!r}{options})"


class Tower(Choice):
    """A tower by name, with its options: `Tower("vgg16", weights="imagenet")`."""

    @property
    def parts(self) -> list[Tower]:
        """The towers that stand side by side in it, as in a `feature_union`; of any other it is the only one."""
        within = self.options.get("towers")
        return [Tower.of(each) for each in within] if isinstance(within, list) and within else [self]


class Tokenizer(Choice):
    """A tokenizer by name, with its options: `Tokenizer("bpe", size=4000)`."""


class Augmentation(Choice):
    """An augmentation by name, with its options: `Augmentation("affine", degrees=10)`."""


class Objective(Choice):
    """What training makes small, by name, with its options: `Objective("focal", gamma=3.0)`."""


class Tune(Choice):
    """A way to fine-tune by name, with its options: `Tune("lora", rank=8)`."""


class Method(Choice):
    """A training method by name, with its options: `Method("mixup", alpha=0.2)`."""


class Fusion(Choice):
    """A fusion by name, with its options: `Fusion("weighted", alpha=[0.5, 0.25, 0.25])`."""
