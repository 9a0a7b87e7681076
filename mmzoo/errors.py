"""The one error a user meets, and the checks that raise it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Set
from typing import Any

from mmzoo.aliases import Raw

RESERVED = ("present", "fusion", "fused", "self")


class MMZooError(ValueError):
    """Something the user can put right: one sentence that names it and says what to do."""


class DataError(MMZooError):
    """Something in one record that cannot be used.

    cause: what faults are counted by: "missing_file", "truncated_image", "unknown_label" ...
    """

    def __init__(self, message: str, cause: str = "other") -> None:
        # Pickle calls this with the message alone and then puts the cause back: a pool of processes hands errors on so.
        super().__init__(message)
        self.cause = cause


def require(condition: object, message: str) -> None:
    """Raise `MMZooError(message)` unless `condition` holds."""
    if not condition:
        raise MMZooError(message)


def require_data(condition: object, cause: str, message: str) -> None:
    """Raise `DataError(message, cause)` unless `condition` holds."""
    if not condition:
        raise DataError(message, cause)


def unknown(what: str, name: object, known: Iterable[str]) -> MMZooError:
    """The error for a `name` that is not among `known`: lists what there is, and the closest first."""
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, 1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return MMZooError(f"There is no {what} '{name}'.{hint} There are: {', '.join(names) or 'none'}.")


def check_name(what: str, name: Raw) -> None:
    """A name becomes the owner of layers (`mmzoo.names`) and a key of the model's inputs and outputs."""
    require(
        isinstance(name, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) and name not in RESERVED,
        f"The {what} name {name!r} must be lower-case letters, digits and '_', start with a letter, "
        f"have at most 40 characters and not be {' or '.join(map(repr, RESERVED))}.",
    )


def as_tuple(what: str, value: Raw) -> tuple[Any, ...]:
    """`value` as a tuple, if it is a list or another series: a string would be taken for its letters."""
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes, Mapping, Set)):
        raise MMZooError(f"{what} must be a list, not {value!r:.80}.")
    return tuple(value)


def check_strings(what: str, values: Iterable[object]) -> None:
    """All values are strings with something in them."""
    for value in values:
        require(isinstance(value, str) and value.strip(), f"{what} must be non-empty strings, not {value!r:.80}.")


def check_number(what: str, value: Raw, low: float, high: float, *, whole: bool = False) -> None:
    """`value` is a number (a whole one, if asked) between `low` and `high`, both included."""
    kind = "a whole number" if whole else "a number"
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and (isinstance(value, int) or not whole)
    if not isinstance(value, (int, float)) or not fits or not low <= value <= high:
        raise MMZooError(f"{what} must be {kind} from {low} to {high}, not {value!r}.")
