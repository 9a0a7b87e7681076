"""The training methods: what is done beyond a loss and its gradient. One file each.

    @methods.register("name")
    class Name(TrainingMethod):
        def __init__(self, *, option: float = 0.5) -> None: ...

`TrainingMethod` says what a method may do and when; it overrides what it needs. `Training(methods=[...])` names those
of a run, which are applied in this order. The step knows none of them by name.
"""

from collections.abc import Iterable

from mmzoo.choice import Method
from mmzoo.registry import Registry
from mmzoo.training.methods.base import TrainingMethod

methods: Registry[type[TrainingMethod]] = Registry("method", __name__)


def made(choices: Iterable[Method | str]) -> list[TrainingMethod]:
    """The methods that are chosen, with their options."""
    return [methods[choice.name](**choice.options) for choice in map(Method.of, choices)]
