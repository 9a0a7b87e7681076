"""One cell of a table: does it say nothing, is it a number, and how is it written as a text?"""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.modalities.tabular.amounts import is_plain, number_in

DASHES = frozenset({"-", "--", "\N{EN DASH}", "\N{EM DASH}"})
ERRORS = frozenset({"#null!", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#na", "#n/a n/a"})
"""What a spreadsheet writes in place of what it could not compute, and pandas for nothing."""

NOTHING = DASHES | ERRORS | {"", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "nat", "null", "none", "?"}
"""What stands in a cell, in lower case and without blanks around it, to say that there is nothing."""

NO_AMOUNT = frozenset(
    {"unknown", "missing", "not available", "not applicable", "not known", "no data", "not given", "undefined"}
    | {"unspecified", "tbd", "tba", "nd", "n.d.", "n/d", "k.a.", "-nan", "1.#ind", "-1.#ind", "1.#qnan", ".", ".."}
)
"""What stands among numbers and dates for nothing, and elsewhere may be a word as good as others."""

LARGEST = float(np.finfo(np.float32).max)
"""Of a number, because models compute in float32."""


def is_missing(value: Raw) -> bool:
    """Is there no value? None, an empty string, NaN of any type, and pandas' NA and NaT."""
    if value is None or (isinstance(value, str) and not value):
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    if isinstance(value, (float, np.floating, np.datetime64, np.timedelta64)):
        return bool(value != value)
    return type(value).__name__ in ("NAType", "NaTType")


def says_nothing(value: Raw) -> bool:
    """Is it missing, or one of the usual words for that?"""
    return value.strip().casefold() in NOTHING if isinstance(value, str) else is_missing(value)


def is_no_amount(value: Raw) -> bool:
    """Does a cell among numbers or dates say nothing?"""
    return says_nothing(value) or (isinstance(value, str) and value.strip().casefold() in NO_AMOUNT)


def number_of(value: Raw, form: str = "") -> float | None:
    """A number, or a text that is nothing but one, as a float; None where it is neither.

    Args:
        form: how the numbers of the column are written, see `mmzoo.modalities.tabular.numbers`. Without one a text is
            read strictly: digits of ASCII, a point, an exponent. "1_0", "inf", "0x1f" and "1,5" are no numbers then.
            What is too large for a float is infinite.
    """
    if isinstance(value, str):
        return number_in(value, form) if form else float(value) if is_plain(value) else None
    if isinstance(value, (bytes, bytearray)) or (isinstance(value, np.ndarray) and value.ndim):
        return None
    try:
        return float(value)  # type: ignore[arg-type]  # what is no number raises
    except OverflowError:
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]
    except (TypeError, ValueError):
        return None


def text_of(value: Raw) -> str:
    """A value as a CSV would have it: whole numbers without a point, because a column with gaps makes them floats."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, (float, np.floating)) and float(value).is_integer() and abs(float(value)) < 1e15:
        return str(int(value))
    return str(value)


def is_encodable(text: str) -> bool:
    """Can it be written down? Half a surrogate pair cannot, and a zero byte ends texts and paths."""
    if text.isascii():
        return "\0" not in text
    try:
        return b"\0" not in text.encode("utf-8")
    except UnicodeEncodeError:
        return False
