"""What a tower needs beside its weights (a vocabulary): made when a model is built, kept when it is saved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from mmzoo.aliases import Untyped
from mmzoo.errors import MMZooError
from mmzoo.weights import Weights

T = TypeVar("T")


class Assets:
    """JSON values by file name; `restoring` when they come from a saved model, which brings its weights too.

    packaged: the weights of packages that a saved model names and does not bring.
    """

    def __init__(self, files: dict[str, object] | None = None, packaged: Collection[Weights] = ()) -> None:
        self.files: dict[str, object] = dict(files or {})
        self.restoring, self.packaged = files is not None, packaged
        self.shared: dict[str, Untyped] = {}

    def from_package(self, weights: str | None, tower: str) -> bool:
        """Does the saved model leave the weights of that name, of that tower, to their package?"""
        return any(weights == each.name and tower in each.towers for each in self.packaged)


_current: ContextVar[Assets] = ContextVar("assets")


@contextmanager
def collecting(files: dict[str, object] | None, packaged: Collection[Weights] = ()) -> Iterator[Assets]:
    """Inside, towers find `files`, or, where that is None, what they make is collected."""
    assets = Assets(files, packaged)
    token = _current.set(assets)
    try:
        yield assets
    finally:
        _current.reset(token)


def restoring(weights: str | None = None, tower: str = "") -> bool:
    """Is a saved model being rebuilt, and brings it these weights? Then pretrained ones are not looked for."""
    current = _current.get(None)
    return current is not None and current.restoring and not current.from_package(weights, tower)


def get(name: str, make: Callable[[], object], weights: str | None = None, tower: str = "") -> Any:
    """The asset of that name; made where the model is new, or leaves the weights it belongs to to their package."""
    current = _current.get(None)
    if current is None:
        return make()
    if current.from_package(weights, tower):
        current.files[name] = make()
    if name not in current.files:
        if current.restoring:
            raise MMZooError(f"The saved model has no '{name}'; the folder is not complete.")
        current.files[name] = make()
    return current.files[name]


def shared(name: str, make: Callable[[], T]) -> T:
    """What several inputs of one model have in common, such as a frozen table: made for the first of them."""
    current = _current.get(None)
    if current is None:
        return make()
    if name not in current.shared:
        current.shared[name] = make()
    found: T = current.shared[name]
    return found
