"""When the lines of a series were measured, as people and loggers write it: "2024-05-01 08:00:00.5", "14:35:20"."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from mmzoo.modalities.tabular.clock import duration_of
from mmzoo.modalities.tabular.dates import date_of

EPOCH = datetime(2000, 1, 1)
FORMS = ("", "DMY", "MDY")


def moment(text: str, form: str = "") -> float | None:
    """Seconds from `EPOCH` to a date, or those of a time of day; None of what is neither.

    Args:
        form: see `date_of`.
    """
    when = date_of(text, form)
    return (when - EPOCH).total_seconds() if when else duration_of(text)


def is_moment(text: str) -> bool:
    """Does a text say a date or a time?"""
    return any(moment(text, form) is not None for form in FORMS)


def seconds_of(texts: Sequence[str]) -> np.ndarray | int:
    """The moments of a column, float64 (N,) seconds, NaN of an empty one; or the place of the first text that is none.

    Where day and month could be either, they are what makes the series shorter.
    """
    found: list[np.ndarray] = []
    failed = 0
    for form in FORMS:
        each = [moment(text, form) if text.strip() else np.nan for text in texts]
        bad = next((place for place, second in enumerate(each) if second is None), None)
        if bad is None:
            found.append(np.array(each, np.float64))
        else:
            failed = max(failed, bad)
    if not found:
        return failed
    return apart(min(found, key=lambda seconds: np.ptp(seconds[np.isfinite(seconds)]) if len(seconds) else 0.0))


def apart(seconds: np.ndarray) -> np.ndarray:
    """Lines of one moment, as a clock of whole seconds tells them, follow each other evenly until the next moment."""
    if not np.isfinite(seconds).all():
        return seconds
    order = np.argsort(seconds, kind="stable")
    moments, first, counts = np.unique(seconds[order], return_index=True, return_counts=True)
    if len(moments) < 2 or counts.max() == 1:
        return seconds
    steps = np.diff(moments)
    room = np.minimum(np.append(steps, np.inf), np.median(steps))  # after a pause no wider than elsewhere
    out = seconds.copy()
    out[order] += (np.arange(len(seconds)) - np.repeat(first, counts)) * np.repeat(room / counts, counts)
    return out
