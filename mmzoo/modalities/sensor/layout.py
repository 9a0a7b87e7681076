"""What the arrays of a column have in common: which axis is time, how many steps there are, what the channels are."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmzoo.errors import MMZooError, require
from mmzoo.modalities.arrays import real_numbers
from mmzoo.modalities.lengths import fitting_length, spread
from mmzoo.modalities.sensor.reading import read_named

GUESSED_STEPS = 4096
"""What a guess gives a series at most; more takes a processor tens of milliseconds a record."""
TIME = re.compile(r"(time|timestamp|t|sec|secs|seconds?|ms|milliseconds?)(\W.*|_.*)?", re.IGNORECASE)
EVEN = 0.5
"""A time without a name goes on by what differs from its usual step by no more than this share, nine times of ten."""


class Layout(NamedTuple):
    """The fields of a `Sensor` that fits a column's arrays."""

    channels: int
    steps: int
    rate: float
    channels_first: bool
    channel_names: tuple[str, ...]


def layout_of(name: str, values: Sequence[object]) -> Layout:
    """What arrays or files of series have in common, by a sample of them; says what could be taken otherwise.

    Raises:
        MMZooError: none of them can be read, or they do not have the same channels.
    """
    what, arrays, headers, timed = f"sensor '{name}'", [], [], []
    failed: MMZooError | None = None
    for value in spread(values):
        try:
            found, header, moments = read_named(value)
            array = real_numbers(found, what, np.float64)
            wrong = f"An array for {what} must have shape (steps, channels), not {array.shape}."
            require(array.ndim in (1, 2), wrong)
        except MMZooError as error:  # decoding will name the record
            failed = failed or error
            continue
        if array.size:
            arrays.append(array.reshape(len(array), -1))
            headers.append(header)
            timed.append(moments)
    if not arrays:
        raise failed or MMZooError(f"The arrays for {what} are empty; leave it out.")
    names = headers[0] if len(set(headers)) == 1 else ()
    first = not names and not all(timed) and is_channels_first(what, [array.shape for array in arrays])
    arrays = [array.T for array in arrays] if first else arrays
    steps = [len(array) for array in arrays]
    rate = 0.0
    if all(timed):
        rate = rate_of([np.sort(array[:, 0]) for array in arrays], named=True)
    elif arrays[0].shape[1] > 1 and (TIME.fullmatch(names[0].strip()) if names else True):
        rate = rate_of([array[:, 0] for array in arrays], named=bool(names))
    if rate:
        steps = [int(np.ptp(array[:, 0]) * rate + 1e-6) + 1 for array in arrays]
        say = "%s: the %s column is taken for the time of each line, %.4g lines a %s."
        which, unit = (repr(names[0]) if names else "first"), ("second" if all(timed) else "unit of it")
        logging.getLogger("mmzoo").info(say, what, which, rate, unit)
    length = math.ceil(fitting_length(steps, 2, GUESSED_STEPS))
    width = arrays[0].shape[1] - (rate > 0)
    return Layout(width, length, rate, first, names[-width:] if len(set(names)) == len(names) else ())


def is_channels_first(what: str, shapes: Sequence[tuple[int, ...]]) -> bool:
    """Are the rows the channels? They are what all have as many of; where that is both, what there is less of.

    Raises:
        MMZooError: neither rows nor columns are as many in all of them.
    """
    rows, columns = ({shape[axis] for shape in shapes} for axis in (0, 1))
    several = f"{sorted(rows)[:3]} rows and {sorted(columns)[:3]} columns"
    require(
        len(rows) == 1 or len(columns) == 1,
        f"The arrays for {what} have {several} ...: neither is the same in all, so it is not clear what the channels "
        "are; give all records the same channels.",
    )
    if len(rows) > 1 or len(columns) > 1:
        constant, other = (rows, columns) if len(rows) == 1 else (columns, rows)
        if min(constant) > max(other):
            say = "%s: %d is the size that all arrays have, so it is taken for the channels, of %d steps at most."
            logging.getLogger("mmzoo").warning(say, what, min(constant), max(other))
        return len(rows) == 1
    (row,), (column,) = rows, columns
    if row == column > 1:
        say = "%s: arrays of %d x %d may be either way round; they are taken for (steps, channels)."
        logging.getLogger("mmzoo").warning(say, what, row, column)
    # One channel or many steps: a row of numbers is (1, N) or (N, 1).
    return row < column


def rate_of(times: Sequence[np.ndarray], *, named: bool) -> float:
    """Lines a unit of time, if the first columns are times: they never fall, in none of the arrays. 0 if they are not.

    Args:
        named: their name says so; else they also have to go on by nearly even steps.
    """
    usual = []
    for time in times:
        step = np.diff(time)
        if not (np.isfinite(time).all() and (step >= 0).all()):
            return 0.0
        if len(step) < 2:
            continue
        middle = float(np.median(step))
        if middle <= 0 or not (named or (np.abs(step - middle) <= EVEN * middle).mean() >= 0.9):
            return 0.0
        usual.append(middle)
    found = 1 / float(np.median(usual)) if usual else 0.0
    return float(f"{found:.4g}") if found < 1e6 else 0.0
