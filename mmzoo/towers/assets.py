"""What a tower needs beside its weights (a vocabulary): made when a model is built, kept when it is saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from mmzoo.errors import MMZooError


class Assets:
    """JSON values by file name; `restoring` when they come from a saved model, which brings its weights too."""

    def __init__(self, files: dict[str, Any] | None = None) -> None:
        self.files: dict[str, Any] = dict(files or {})
        self.restoring = files is not None
        self.shared: dict[str, Any] = {}


_current: ContextVar[Assets] = ContextVar("assets")


@contextmanager
def collecting(files: dict[str, Any] | None) -> Iterator[Assets]:
    """Inside, towers find `files`, or, where that is None, what they make is collected."""
    assets = Assets(files)
    token = _current.set(assets)
    try:
        yield assets
    finally:
        _current.reset(token)


def restoring() -> bool:
    """Is a saved model being rebuilt? Then pretrained weights are not looked for."""
    current = _current.get(None)
    return current is not None and current.restoring


def get(name: str, make: Callable[[], Any]) -> Any:
    """The asset of that name; made where the model is new."""
    current = _current.get(None)
    if current is None:
        return make()
    if name not in current.files:
        if current.restoring:
            raise MMZooError(f"The saved model has no '{name}'; the folder is not complete.")
        current.files[name] = make()
    return current.files[name]


def shared(name: str, make: Callable[[], Any]) -> Any:
    """What several inputs of one model have in common, such as a frozen table: made for the first of them."""
    current = _current.get(None)
    if current is None:
        return make()
    if name not in current.shared:
        current.shared[name] = make()
    return current.shared[name]
