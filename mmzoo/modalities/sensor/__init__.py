"""Sensors: several channels of numbers at even times, with gaps, to float32 (steps, channels)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.choice import Tower
from mmzoo.errors import as_tuple, check_number, require
from mmzoo.modalities import modalities
from mmzoo.modalities.arrays import axes_of, read_array, real_numbers
from mmzoo.modalities.base import Modality, padded, statistics
from mmzoo.modalities.corruption import Corruption
from mmzoo.modalities.explanation import InputExplanation, Probe, without_each
from mmzoo.modalities.sensor.corruption import CORRUPTIONS
from mmzoo.modalities.sensor.reading import even_steps, read_numbers
from mmzoo.modalities.sensor.vectorizer import series_vector
from mmzoo.modalities.shown import Shown
from mmzoo.modalities.vectorizer import Each


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
    colour: ClassVar[str] = "#7a5c2e"
    endings: ClassVar[tuple[str, ...]] = (".npy", ".csv", ".tsv", ".parquet")  # and .txt, which is more often a text
    foreign: ClassVar[dict[str, str]] = dict.fromkeys(
        (".npz", ".mat", ".h5", ".hdf5", ".edf"), "write one .npy file a record"
    )
    starts: ClassVar[tuple[bytes, ...]] = (rb"\x93NUMPY",)
    array_axes: ClassVar[int] = 2
    is_sequence: ClassVar[bool] = True
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)
    axes: ClassVar[tuple[int, ...]] = (2,)
    corruptions: ClassVar[dict[str, Corruption]] = CORRUPTIONS

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

    def fit(self, values: Sequence[Any]) -> Self:
        """With the mean and the deviation of each channel over what was measured in these records."""
        if self.means:
            return self
        means, deviations = statistics(np.concatenate([self.decode(value) for value in values]))
        return replace(self, means=means, deviations=deviations)

    @property
    def unfitted(self) -> str:
        return "" if self.means else "channels whose mean and deviation are not known yet"

    def decode(self, value: Raw) -> np.ndarray:
        """An array (any, channels), a .npy or .parquet file, or a CSV of numbers with or without a header line.

        What is no finite number is a gap. What is longer than `steps` is cut.

        Raises:
            MMZooError: it is not readable, holds something else than numbers, or has other channels.
        """
        what = f"sensor '{self.name}'"
        # Times in seconds since 1970 need 64 bits.
        array = read_array(read_numbers(value), what, self.channels + (self.rate > 0), np.float64)
        if self.rate:
            array = even_steps(array, self.rate, self.steps, what)
        array = real_numbers(array, what)
        return padded(np.where(np.isfinite(array), array, np.nan), self.steps, np.nan)

    @classmethod
    def holds(cls, value: Raw) -> bool:
        """A table of numbers; one of many bytes to each side is a picture."""
        return axes_of(value) == 2 and not (value.dtype == np.uint8 and min(value.shape) > 8)

    @classmethod
    def from_cell(cls, value: Raw) -> Raw:
        return np.asarray(value, np.float32) if isinstance(value, list) else super().from_cell(value)

    @classmethod
    def guessed(cls, name: str, values: Sequence[Any]) -> Self:
        """As many channels and steps as the first file has."""
        first = real_numbers(read_numbers(values[0]), f"sensor '{name}'")
        wrong = f"An array for sensor '{name}' must have shape (steps, channels), not {first.shape}."
        require(first.ndim in (1, 2), wrong)
        return cls(name, channels=first.shape[1] if first.ndim == 2 else 1, steps=max(min(len(first), 1024), 2))

    @classmethod
    def to_stored(cls, value: Raw) -> bytes:
        """The numbers of a CSV or Parquet file are an array."""
        return super().to_stored(read_numbers(value))

    def shown(self, value: Raw) -> Shown:
        """Each channel as the points of a line."""
        example, lines = self.decode(value), []
        for channel in example.T:
            there = np.flatnonzero(np.isfinite(channel))
            if len(there):
                x = there / max(len(channel) - 1, 1) * 220
                y = 60 - 56 * (channel[there] - channel[there].min()) / max(np.ptp(channel[there]), 1e-9)
                lines.append(" ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True)))
        return Shown("{} steps of {} channels".format(*example.shape), curves=tuple(lines))

    def explain(self, probe: Probe) -> InputExplanation:
        """Each channel as if it had not been measured, and integrated gradients from channels at their means."""
        maps = {"occlusion": without_each(probe, np.full(self.channels, np.nan, np.float32))}
        names, gap = [f"channel {k + 1}" for k in range(self.channels)], None
        if (at := probe.frozen) is not None:
            # Behind the gaps: the channels at mean 0, then what was measured, which stays.
            x, mask = probe.at(at)
            baseline = np.concatenate([np.zeros_like(x[..., : self.channels]), x[..., self.channels :]], axis=-1)
            shares, gap = probe.integrated_gradients(at, x, baseline, mask)
            maps["integrated_gradients"] = shares[:, : self.channels].sum(axis=0)
        caption = "what each channel says for the answer (blue) and against it (orange)"
        return InputExplanation(self.kind, maps, caption, names, gap, shown=probe.example)

    def vectorizer(self) -> Each:
        """Statistics and the spectrum of each channel."""
        return Each(lambda value: series_vector(self.decode(value)), f"measuring {self.name}")

    def sequence(self, x: Tensor, width: int) -> Tensor:
        """Steps (B, T, 2 channels): the channels without gaps, and which of them were measured."""
        from mmzoo.declared import frozen_features
        from mmzoo.modalities.sensor.gaps import FillGaps
        from mmzoo.tokens import Tokens

        self.check_fitted()
        return Tokens(
            *frozen_features(self, FillGaps(self.means, self.deviations, name=f"{self.name}.frozen_features"))(x)
        )
