"""Sensors: several channels of numbers at even times, with gaps, to float32 (steps, channels)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from mmzoo.choice import Tower
from mmzoo.errors import check_number, require, require_data
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
        means, deviations: of each channel, over the training records; `fit` fills them in.
    """

    channels: int = 1
    steps: int = 128
    means: Sequence[float] = ()
    deviations: Sequence[float] = ()
    tower: Tower | str = "cnn_1d"
    kind: ClassVar[str] = "sensor"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(f"The channels of sensor '{self.name}'", self.channels, 1, 1024, whole=True)
        check_number(f"The steps of sensor '{self.name}'", self.steps, 2, 16_384, whole=True)
        for what in ("means", "deviations"):
            values = tuple(getattr(self, what))
            object.__setattr__(self, what, values)
            require(
                len(values) in (0, self.channels) and all(np.isfinite(values)),
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
        """An array (any, channels), a .npy file, or a CSV of numbers with or without a header line.

        Infinity is a gap too. What is longer than `steps` is cut.
        """
        what = f"sensor '{self.name}'"
        if isinstance(value, (str, Path)) and str(value).lower().endswith((".csv", ".tsv", ".txt")):
            value = read_csv(value)
        array = read_array(value, what, self.channels)
        return padded(np.where(np.isfinite(array), array, np.nan).astype(np.float32), self.steps, np.nan)


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
