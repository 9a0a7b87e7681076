"""What several trainings over the same records have in common, made once: decoded examples, features."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from mmzoo.aliases import Untyped

Made = TypeVar("Made")

_MAKING = "seconds"
_current: ContextVar[dict[Hashable, Untyped] | None] = ContextVar("sharing", default=None)


@contextmanager
def sharing() -> Iterator[None]:
    """Inside, what `shared` has made stays in memory until the end."""
    token = _current.set({})
    try:
        yield
    finally:
        _current.reset(token)


def is_sharing() -> bool:
    """Is what is made kept?"""
    return _current.get() is not None


def seconds_making() -> float:
    """Seconds that have gone by, inside `sharing`, while what is shared was made."""
    return float((_current.get() or {}).get(_MAKING, 0.0))


def shared(key: Hashable, make: Callable[[], Made], *, of: object = None) -> Made:
    """What `make` gives; inside `sharing` it is made once for a key.

    Args:
        of: an object whose `id` is a part of the key, which must not be another's as long as the key is there.
    """
    kept = _current.get()
    if kept is None:
        return make()
    key = (key, id(of))
    if key not in kept:
        before, began = seconds_making(), time.monotonic()
        kept[key] = (of, make())
        kept[_MAKING] = before + time.monotonic() - began  # with whatever of it was made on the way
    return kept[key][1]  # type: ignore[no-any-return]
