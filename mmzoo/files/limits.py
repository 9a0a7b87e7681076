"""How large the plain data of a spec may be: enough for every model, too little to choke whoever reads it."""

from __future__ import annotations

import json
import math
import re

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError, require
from mmzoo.messages.words import one_line

DEPTH = 16
WHOLE = 2**20
"""The largest whole number: no width, count or hash needs more."""
ENTRIES = 65_536
"""The longest list and the longest object: no vocabulary needs more."""
CHARACTERS = 4096
HALF = re.compile("[\ud800-\udfff]")
"""Half of a pair that stands for one letter in UTF-16; no file in UTF-8 can hold it."""
MAX_JSON = 2**24
MAX_VALUES, MAX_OBJECTS = 500_000, 20_000
"""Commas and braces in a JSON text: each may cost 200 bytes of memory where it costs two in the text."""


def check_plain(what: str, value: Raw, depth: int = 0) -> None:
    """`value` is plain JSON data within the limits.

    Raises:
        MMZooError: a number is too large or not finite, a string or list too long, something nested too deep
            or of a kind that JSON does not have.
    """
    require(depth <= DEPTH, f"{what} is nested more than {DEPTH} levels deep.")
    if isinstance(value, (list, tuple, dict)):
        require(len(value) <= ENTRIES, f"{what} has a list of {len(value)} entries, over the limit of {ENTRIES}.")
        if isinstance(value, dict):
            for key in value:
                require(isinstance(key, str), f"{what} has the key {key!r}; a key must be a string.")
                check_plain(what, key, depth)
            value = value.values()
        for each in value:
            check_plain(what, each, depth + 1)
    elif isinstance(value, str):
        require(
            len(value) <= CHARACTERS,
            f"{what} has a string of {len(value)} characters, over the limit of {CHARACTERS}: {value[:40]!r}...",
        )
        require(
            not HALF.search(value), f"{what} has the string {value[:40]!r}, which is no text: half a letter is missing."
        )
    elif isinstance(value, float):
        require(math.isfinite(value), f"{what} has the number {value}; numbers must be finite.")
    elif isinstance(value, int):
        require(abs(value) <= WHOLE, f"{what} has the number {value}; whole numbers go to {WHOLE}.")
    elif value is not None:
        raise MMZooError(f"{what} has a {type(value).__name__}, which is not plain data: {value!r}.")


def parse_json(what: str, data: bytes, remedy: str = "copy the model again") -> Raw:
    """The value of a JSON text in UTF-8: no key twice, no number that is not finite, nothing that grows in memory.

    Raises:
        MMZooError: it is not; says `what` it is and the `remedy`.
    """
    require(
        len(data) <= MAX_JSON and data.count(b",") <= MAX_VALUES and data.count(b"{") <= MAX_OBJECTS,
        f"{what} is over the limit of {MAX_JSON // 2**20} MB, {MAX_VALUES} values or {MAX_OBJECTS} objects of JSON.",
    )

    def unique(pairs: list[tuple[str, Raw]]) -> dict[str, Raw]:
        made = dict(pairs)
        require(len(made) == len(pairs), "a key stands twice")
        return made

    def finite(text: str) -> float:
        require(math.isfinite(number := float(text)), "a number is not finite")
        return number

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=unique, parse_float=finite, parse_constant=finite)
    except (ValueError, RecursionError) as error:
        raise MMZooError(f"{what} is not the JSON that mmzoo writes ({one_line(error)}); {remedy}.") from None


def unique_keys(pairs: list[tuple[str, Raw]]) -> dict[str, Raw]:
    """An object whose keys are all different."""
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice")
    return found
