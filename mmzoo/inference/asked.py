"""Which of a spec's tasks is asked, where only some kinds of them have such an answer."""

from __future__ import annotations

from collections.abc import Callable

from mmzoo.errors import require, unknown
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task


def asked_task(spec: Spec, name: str, fits: Callable[[Task], bool], *, what: str, none: str) -> Task:
    """The task of that name, or the first, of those that fit.

    Args:
        what: such a task is called, for the error.
        none: the sentence that is said where there is none.

    Raises:
        MMZooError: there is none, or none of that name.
    """
    found = {task.name: task for task in spec.tasks if fits(task)}
    require(found, none)
    if name and name not in found:
        raise unknown(f"{what} called", name, found)
    return found[name] if name else next(iter(found.values()))
