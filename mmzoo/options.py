"""What values an option may have: read off the signature of what it is an option of.

    def lstm(tokens, name, *, width: int = 128, dropout: float = 0.2) -> Tokens:

The type is that of the annotation. The range of a number is that of `Annotated[int, Range(2, 96)]`, else what `RANGES`
says of an option of that name, else `USUAL`.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Sequence
from typing import Annotated, NamedTuple, Union, get_args, get_origin, get_type_hints

from mmzoo.aliases import Raw
from mmzoo.choice import Choice
from mmzoo.errors import MMZooError, check_number, require, unknown

MOST = 64  # entries of a list


class Range(NamedTuple):
    """The least and the largest value of a number."""

    low: float
    high: float


USUAL = {int: Range(1, 4096), float: Range(0, 1)}
RANGES = {
    "adapters": Range(0, 4096),
    "alpha": Range(1e-6, 1e6),
    "beta": Range(1e-3, 100),
    "blocks": Range(1, 1024),
    "count": Range(1, 16),
    "decibels": Range(0, 60),
    "degrees": Range(0, 360),
    "delta": Range(1e-3, 1e3),
    "dropout": Range(0, 0.95),
    "epochs": Range(1, 1_000_000),
    "gamma": Range(1e-3, 100),
    "high": Range(-60, 120),
    "kernel": Range(1, 255),
    "kernels": Range(1, 255),
    "kl": Range(1e-3, 100),
    "layers": Range(1, 96),
    "low": Range(-60, 120),
    "magnitude": Range(0, 30),
    "patch": Range(1, 1024),
    "q": Range(1e-3, 100),
    "ratio": Range(1, 10),
    "resolution": Range(0, 1024),
    "rounds": Range(1, 96),
    "scale": Range(0, 0.95),
    "signals": Range(0, 1024),
    "tau": Range(1e-3, 100),
    "trainable_blocks": Range(0, 1024),
}


def check_options(
    what: str, entry: Callable[..., object], hints: dict[str, object], options: dict[str, object]
) -> None:
    """Every option is a keyword-only parameter of `entry`, and its value is of the type and in the range of that.

    Args:
        hints: what `hints_of` says of the entry.

    Raises:
        MMZooError: names the option, the value and what it may be.
    """
    known = {p.name: p for p in inspect.signature(entry).parameters.values() if p.kind is p.KEYWORD_ONLY}
    for option in options:
        if option not in known:
            raise unknown(f"option of {what} called", option, known)
    for option, value in options.items():
        name = f"The option '{option}' of {what}"
        check_value(name, value, hints.get(option, object), RANGES.get(option), known[option].default)


def defaults(entry: Callable[..., object]) -> dict[str, object]:
    """The options of an entry with their defaults."""
    parameters = inspect.signature(entry).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is not p.empty}


def hints_of(entry: Callable[..., object]) -> dict[str, object]:
    """The annotations of a function, of a class's `__init__`, or of the function that a tower was made of."""
    function = entry.__init__ if inspect.isclass(entry) else getattr(entry, "encoder", entry)
    return get_type_hints(function, include_extras=True)


def check_value(name: str, value: Raw, hint: object, limits: Range | None, default: object) -> None:
    """`value` is what the annotation `hint` allows; `name` begins the error."""
    if get_origin(hint) is Annotated:
        hint, *more = get_args(hint)
        limits = next((each for each in more if isinstance(each, Range)), limits)
    if get_origin(hint) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not type(None)]
        if value is None and len(kinds) < len(get_args(hint)):
            return
        hint = next((kind for kind in kinds if inspect.isclass(kind) and issubclass(kind, Choice)), kinds[0])
    if get_origin(hint) is Sequence:
        check_list(name, value, get_args(hint)[0], limits, default)
    elif hint in (int, float):
        check_number(name, value, *(limits or USUAL[hint]), whole=hint is int)
    elif hint is bool:
        require(isinstance(value, bool), f"{name} must be true or false, not {value!r}.")
    elif hint is str:
        require(isinstance(value, str) and value, f"{name} must be a string, not {value!r}.")
    elif inspect.isclass(hint) and issubclass(hint, Choice):
        hint.of(value)


def check_list(name: str, value: Raw, kind: object, limits: Range | None, default: object) -> None:
    """`value` is a list of values of that kind: not a string, which would be taken for its letters."""
    if not isinstance(value, (list, tuple)):
        raise MMZooError(f"{name} must be a list, not {value!r}.")
    least = 0 if isinstance(default, tuple) and not default else 1
    require(least <= len(value) <= MOST, f"{name} must be a list of {least} to {MOST} entries, not of {len(value)}.")
    for each in value:
        check_value(f"Each entry of the option{name.removeprefix('The option')}", each, kind, limits, None)
