"""Sensors: several channels of numbers at even times, with gaps, to float32 (steps, channels)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from mmzoo.choice import Tower
from mmzoo.errors import DataError, MMZooError, as_tuple, check_number, require, require_data
from mmzoo.modalities import modalities
from mmzoo.modalities.base import Modality, padded, read_array, read_bytes, statistics


@modalities.register("sensor")
@dataclass(frozen=True)
class Sensor(Modality):
    """A multichannel time series. The decoded example is float32 (steps, channels); NaN is a gap, or the end.

    Gaps are filled by straight lines between their neighbours inside the graph, and the model is
    told where they were. A series without any number counts as absent.

    Args:
        channels: numbers a step.
        steps: steps read at most.
        rate: steps a second. Where it is given, what is read has one column more, the first: the time of each line in
            seconds; it is brought to even steps from the first line on. 0: the steps are even already.
        means, deviations: of each channel, over the training records; `fit` fills them in.
    """

    channels: int = 1
    steps: int = 128
    rate: float = 0.0
    means: Sequence[float] = ()
    deviations: Sequence[float] = ()
    tower: Tower | str = "cnn_1d"
    kind: ClassVar[str] = "sensor"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(f"The channels of sensor '{self.name}'", self.channels, 1, 1024, whole=True)
        check_number(f"The steps of sensor '{self.name}'", self.steps, 2, 16_384, whole=True)
        check_number(f"The rate of sensor '{self.name}'", self.rate, 0, 1e6)
        for what in ("means", "deviations"):
            values = as_tuple(f"The {what} of sensor '{self.name}'", getattr(self, what))
            object.__setattr__(self, what, values)
            for value in values:
                check_number(f"Each of the {what} of sensor '{self.name}'", value, -1e30, 1e30)
            require(
                len(values) in (0, self.channels),
                f"The {what} of sensor '{self.name}' must be {self.channels} finite numbers, not {list(values)}.",
            )

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.steps, self.channels)

    @property
    def dtype(self) -> str:
        return "float32"

    @property
    def unit(self) -> str:
        return "the channels' own units, NaN where nothing was measured and after the end"

    @property
    def has_files(self) -> bool:
        return False

    def fit(self, values: Sequence[Any]) -> Self:
        """With the mean and the deviation of each channel over what was measured in these records."""
        if self.means:
            return self
        means, deviations = statistics(np.concatenate([self.decode(value) for value in values]))
        return replace(self, means=means, deviations=deviations)

    @property
    def unfitted(self) -> str:
        return "" if self.means else "channels whose mean and deviation are not known yet"

    def decode(self, value: str | Path | bytes | np.ndarray | Sequence[Any]) -> np.ndarray:
        """An array (any, channels), a .npy or .parquet file, or a CSV of numbers with or without a header line.

        Infinity is a gap too. What is longer than `steps` is cut. With `rate` there is a column of times before.
        """
        what = f"sensor '{self.name}'"
        array = read_array(read_numbers(value), what, self.channels + (self.rate > 0))
        if self.rate:
            array = even_steps(array, self.rate, self.steps, what)
        return padded(np.where(np.isfinite(array), array, np.nan).astype(np.float32), self.steps, np.nan)


def read_numbers(value: Any) -> Any:
    """The array in a CSV, TSV or Parquet file, by its path; anything else as it is."""
    ending = Path(value).suffix.lower() if isinstance(value, (str, Path)) else ""
    if ending in (".csv", ".tsv", ".txt"):
        return read_csv(value)
    return read_parquet(value) if ending == ".parquet" else value


def even_steps(array: np.ndarray, rate: float, steps: int, what: str) -> np.ndarray:
    """Lines of a time in seconds and numbers, (N, 1 + C), as numbers at even steps, (up to `steps`, C).

    Between two measurements of a channel stands their straight line; where they are further apart than two steps and
    twice their usual distance, a gap stays one.
    """
    time, values = array[:, 0].astype(np.float64), array[:, 1:]
    require_data(np.isfinite(time).all(), "bad_number", f"The times of {what} must be numbers; mend the first column.")
    order = np.argsort(time, kind="stable")
    time, values = time[order] - time.min(initial=np.inf), values[order]
    if not len(time):
        return values
    at = np.arange(min(int(time[-1] * rate + 1e-6) + 1, steps)) / rate
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
    return out


def read_parquet(path: str | Path) -> np.ndarray:
    """The columns of numbers of a Parquet file, float32 (N, columns)."""
    data, origin = read_bytes(path, "sensor")
    try:
        import pandas

        return np.asarray(pandas.read_parquet(io.BytesIO(data)).to_numpy(np.float32))
    except ImportError as error:
        raise MMZooError(f"{origin} needs pandas and pyarrow; install them: pip install pandas pyarrow.") from error
    except Exception as error:  # its readers raise a dozen kinds
        raise DataError(
            f"{origin} is not a Parquet file of numbers ({error}); convert it to CSV.", "junk_array"
        ) from error


def read_csv(path: str | Path) -> np.ndarray:
    """The numbers of a CSV or TSV, float32 (N, columns); an empty field, or one that says nan, is NaN."""
    data, origin = read_bytes(path, "sensor")
    lines = [line for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    require_data(lines, "empty_file", f"{origin} holds no numbers; give a line a step, a field a channel.")
    comma = "\t" if "\t" in lines[0] else ";" if ";" in lines[0] else ","
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append([float(field) if field.strip() else np.nan for field in line.split(comma)])
        except ValueError:
            # Only the first line may hold names.
            bad = f"{origin} has something that is no number in line {number}; mend or empty it."
            require_data(number == 1, "bad_number", bad)
    require_data(rows, "empty_file", f"{origin} holds no numbers; give a line a step, a field a channel.")
    ragged = f"{origin} has lines of different lengths; give every line the same number of fields."
    require_data(len({len(row) for row in rows}) == 1, "ragged_file", ragged)
    return np.array(rows, np.float32)
