"""Files of series of numbers: CSV, TSV, Parquet and .npy; and series whose steps are not even."""

from __future__ import annotations

import csv
import io
import os
import re
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import DataError, MMZooError, require_data
from mmzoo.modalities.arrays import load_npy
from mmzoo.modalities.files import FILES, read_bytes, unwrapped
from mmzoo.modalities.sensor.moments import apart, is_moment, seconds_of

MAX_TEXT = 2**27  # bytes of a CSV: about 30 times as many are needed while it is read
MAX_NUMBERS = 2**27  # of a Parquet file, in all its columns


class Numbers(NamedTuple):
    """An array, or what becomes one; its columns' names, where a file has some; is the first column of moments?"""

    values: Raw
    names: tuple[str, ...] = ()
    timed: bool = False


def read_named(value: Raw) -> Numbers:
    """The array in a CSV, TSV, Parquet or .npy file, by its path, with names; anything else as it is.

    Raises:
        DataError: see `read_csv`, `read_parquet` and `arrays.load_npy`.
    """
    value = unwrapped(value)
    if isinstance(value, (str, os.PathLike)):
        ending = Path(value).suffix.lower()
        if ending in (".csv", ".tsv", ".txt"):
            return read_csv(value)
        if ending == ".parquet":
            return read_parquet(value)
    return Numbers(load_npy(*read_bytes(value, "array")) if isinstance(value, FILES) else value)


def columns_called(
    values: np.ndarray, names: tuple[str, ...], wanted: Sequence[str], timed: bool, what: str
) -> np.ndarray:
    """The columns of some names of (N, columns), in that order; before them the first, where it is the time.

    Raises:
        DataError: there is no column of a name.
    """
    lacking = [name for name in wanted if name not in names]
    words = f"A file for {what} has no column {lacking[0]!r}; it has {', '.join(names)}." if lacking else ""
    require_data(not lacking, "wrong_shape", words)
    found: np.ndarray = values[:, [0] * timed + [names.index(name) for name in wanted]]
    return found


def even_steps(array: np.ndarray, rate: float, steps: int, what: str) -> tuple[np.ndarray, int]:
    """Lines of a time and numbers, (N, 1 + C), as numbers at even steps, (up to `steps`, C); and how many all are.

    Between two measurements of a channel stands their straight line; where they are further apart than two steps and
    twice their usual distance, a gap stays one.
    """
    time, values = array[:, 0].astype(np.float64), array[:, 1:]
    require_data(np.isfinite(time).all(), "bad_number", f"The times of {what} must be numbers; mend the first column.")
    order = np.argsort(time, kind="stable")
    time, values = time[order] - time.min(initial=np.inf), values[order]
    if not len(time):
        return values, 0
    whole = int(min(time[-1] * rate, 1e9) + 1e-6) + 1
    at = np.arange(min(whole, steps)) / rate
    usual = float(np.median(np.diff(time))) if len(time) > 1 else 0.0
    out = np.full((len(at), values.shape[1]), np.nan, np.float32)
    for channel in range(values.shape[1]):
        there = np.isfinite(values[:, channel])
        if not there.any():
            continue
        known = time[there]
        after = np.clip(np.searchsorted(known, at), 0, len(known) - 1)
        before = np.clip(np.searchsorted(known, at, side="right") - 1, 0, len(known) - 1)
        close = known[after] - known[before] <= max(2 / rate, 2 * usual) + 1e-9
        close &= (at >= known[0] - 0.5 / rate) & (at <= known[-1] + 0.5 / rate)
        out[close, channel] = np.interp(at[close], known, values[there, channel])
    return out, whole


def read_parquet(path: str | os.PathLike[str]) -> Numbers:
    """The columns of numbers of a Parquet file, float64 (N, columns); what is missing is NaN.

    A column of moments or of lengths of time becomes the first, in seconds.

    Raises:
        DataError: it is damaged, has a column of something else, or is larger than `MAX_NUMBERS`.
    """
    data, origin = read_bytes(path, "sensor")
    try:
        import pandas
        from pyarrow import parquet

        about = parquet.ParquetFile(io.BytesIO(data)).metadata
        count = about.num_rows * about.num_columns
        large = f"{origin} holds {count} numbers, over the limit of {MAX_NUMBERS}; cut it into parts."
        require_data(count <= MAX_NUMBERS, "too_large_array", large)
        frame = pandas.read_parquet(io.BytesIO(data))
        moments = [name for name, kind in frame.dtypes.items() if kind.kind in "mM"]
        for name in moments[:1]:
            ticks = frame.pop(name).dt.as_unit("us")
            seconds = (ticks.astype("int64") / 1e6).where(ticks.notna(), np.nan)
            frame.insert(0, name, apart(seconds.to_numpy(np.float64)))
        odd = [name for name, kind in frame.dtypes.items() if not pandas.api.types.is_numeric_dtype(kind)]
        words = f"{origin} has something that is no number in column {odd[0]!r}; leave it out." if odd else ""
        require_data(not odd, "bad_number", words)
        names = tuple(str(column) for column in frame.columns)
        return Numbers(frame.to_numpy(np.float64, na_value=np.nan), names, bool(moments))
    except DataError:
        raise
    except ImportError as error:
        raise MMZooError(f"{origin} needs pandas and pyarrow; install them: pip install pandas pyarrow.") from error
    except Exception as error:  # its readers raise a dozen kinds
        message = f"{origin} is not a Parquet file of numbers; convert it to CSV."
        raise DataError(message, "junk_array") from error


def read_csv(path: str | os.PathLike[str]) -> Numbers:
    """The numbers of a CSV or TSV, float64 (N, columns); an empty field, or one that says nan, is NaN.

    Fields are parted by tabs, semicolons or commas; lines end in any of the three usual ways; the first may hold names.
    A column of dates or times of day becomes the first, in seconds.

    Raises:
        DataError: a field is no number, lines are of different lengths, or there are none.
    """
    data, origin = read_bytes(path, "sensor", MAX_TEXT)
    require_data(b"\0" not in data, "junk_array", f"{origin} is no text in UTF-8; save it as CSV in UTF-8.")
    text = data.decode("utf-8-sig", "replace")
    start = text.lstrip()
    first = start[: re.search(r"[\r\n]|$", start).start()]  # type: ignore[union-attr]
    comma = "\t" if "\t" in first else ";" if ";" in first else ","
    rows, width, names = array("d"), 0, tuple[str, ...]()
    at, moments, places = -1, list[str](), list[int]()
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=comma, strict=True)
        for line in lines:
            if not any(field.strip() for field in line) and len(line) < max(width, 2):
                continue  # an empty line; a step without any number has all its fields
            numbers = [number(field) for field in line]
            bad = [field for field, found in zip(line, numbers, strict=True) if found is None]
            if not width and bad and len(bad) == sum(1 for field in line if field.strip()):
                width, names = len(line), tuple(field.strip() for field in line)
                continue
            if not rows and len(bad) == 1 and is_moment(bad[0]):
                at = line.index(bad[0])
            if 0 <= at < len(line):
                moments.append(line[at])
                places.append(lines.line_num)
                numbers[at] = np.nan
                bad = [field for field, found in zip(line, numbers, strict=True) if found is None]
            require_data(not bad, "bad_number", no_number(origin, lines.line_num, "".join(bad[:1])))
            width = width or len(line)
            ragged = f"{origin} has lines of different lengths; give every line the same number of fields."
            require_data(len(line) == width, "ragged_file", ragged)
            rows.extend(numbers)  # type: ignore[arg-type]
    except csv.Error as error:
        raise DataError(f"{origin} is no CSV that can be read ({error}); save it again.", "junk_array") from error
    require_data(rows, "empty_file", f"{origin} holds no numbers; give a line a step, a field a channel.")
    values = np.array(rows, np.float64).reshape(-1, width)
    if at < 0:
        return Numbers(values, names)
    seconds = seconds_of(moments)
    if isinstance(seconds, int):
        raise DataError(no_number(origin, places[seconds], moments[seconds], "date or time"), "bad_number")
    others = [column for column in range(width) if column != at]
    named = tuple(names[column] for column in [at, *others]) if names else ()
    return Numbers(np.column_stack([seconds, values[:, others]]), named, True)


def no_number(origin: str, line: int, field: str, what: str = "number") -> str:
    """What is said of a field that is none."""
    remedy = "mend or empty it, and write decimals with a point" if what == "number" else "mend it"
    return f"{origin} has something that is no {what} in line {line} ({field[:40]!r}); {remedy}."


def number(field: str) -> float | None:
    """What a field of a CSV says, NaN where it is empty; None where that is no number, or one too large for 64 bits."""
    field = field.strip()
    if not field:
        return np.nan
    try:
        found = float(field)
    except ValueError:
        return None
    made_up = "_" in field or (np.isinf(found) and "inf" not in field.lower())
    return None if made_up else found
