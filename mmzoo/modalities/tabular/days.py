"""Dates as one number, the days since the year 2000, and the parts of that number which a model reads."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np

EPOCH = date(2000, 1, 1)
PARTS = ("year", "month", "day", "weekday", "hour", "days")
"""Of a date: 1 to 12, 1 to 31, Monday 0, hours with their fraction, days since `EPOCH` with theirs."""

PERIODS = {"hour": 24.0, "weekday": 7.0, "season": 365.2425}
"""What comes again and again is also a sine and a cosine, so that December stands beside January."""

LATEST = 0.99
"""The last share of a day that is told, 23:45: a float32 of many days could be rounded up to the next day."""

TIMELESS = 100_000
"""Days from `EPOCH` beyond which a float32 has no room for the hour."""


def days_of(when: datetime) -> float:
    """Days since `EPOCH`, the time of day as their fraction in whole minutes."""
    days = when.toordinal() - EPOCH.toordinal()
    if abs(days) > TIMELESS:
        return float(days)
    return days + min((when.hour * 60 + when.minute) / 1440, LATEST)


def parts_of_days(days: np.ndarray) -> np.ndarray:
    """The parts (N, 6) of days (N,), in the order of `PARTS`; NaN of what is NaN. The graph computes the same."""
    there = np.isfinite(days)
    whole = np.floor(np.where(there, days, 0)).astype(np.int64)
    moments = np.datetime64(EPOCH) + whole.astype("timedelta64[D]")
    years, months = moments.astype("datetime64[Y]"), moments.astype("datetime64[M]")
    found = [
        years.astype(np.int64) + 1970,
        months.astype(np.int64) % 12 + 1,
        (moments - months.astype("datetime64[D]")).astype(np.int64) + 1,
        (whole + EPOCH.weekday()) % 7,
        (days - whole) * 24,
        days,
    ]
    return np.where(there[:, None], np.stack([np.asarray(part, np.float64) for part in found], axis=1), np.nan)
