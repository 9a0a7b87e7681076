"""Sensors: several channels of numbers at even times, with gaps, to float32 (steps, channels)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.choice import Tower
from mmzoo.errors import MMZooError, as_tuple, check_number, check_strings, require, unknown
from mmzoo.messages.truncation import note_truncation
from mmzoo.modalities import modalities
from mmzoo.modalities.arrays import axes_of, read_array, real_numbers
from mmzoo.modalities.base import Modality, padded, statistics
from mmzoo.modalities.corruption import Corruption
from mmzoo.modalities.explanation import InputExplanation, Probe, without_each
from mmzoo.modalities.sensor.corruption import CORRUPTIONS
from mmzoo.modalities.sensor.layout import layout_of
from mmzoo.modalities.sensor.reading import columns_called, even_steps, read_named
from mmzoo.modalities.sensor.rebuilding import Channels
from mmzoo.modalities.sensor.vectorizer import series_vector
from mmzoo.modalities.shown import Shown, curves
from mmzoo.modalities.vectorizer import Each

NORMALIZE = ("all", "each")
MOST_STEPS = 16_384


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
            seconds (or in another unit, of which `rate` then says the steps); it is brought to even steps from the
            first line on. A file's column of dates or times of day is that column, wherever it stands. 0: the steps
            are even already.
        channels_first: what is read is (channels, steps), and turned.
        channel_names: of a file whose first line has names, the columns of these names are read, in this order.
        normalize: "all" brings each channel to mean 0 and deviation 1 over the training records; "each" over the
            record by itself, so that only its shape counts.
        means, deviations: of each channel, over the training records; `fit` fills them in.
    """

    channels: int = 1
    steps: int = 128
    rate: float = 0.0
    channels_first: bool = False
    channel_names: Sequence[str] = ()
    normalize: str = "all"
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
    gaps: ClassVar[bool] = True
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)
    axes: ClassVar[tuple[int, ...]] = (2,)
    corruptions: ClassVar[dict[str, Corruption]] = CORRUPTIONS

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(f"The channels of sensor '{self.name}'", self.channels, 1, 1024, whole=True)
        check_number(f"The steps of sensor '{self.name}'", self.steps, 2, MOST_STEPS, whole=True)
        check_number(f"The rate of sensor '{self.name}'", self.rate, 0, 1e6)
        require(
            isinstance(self.channels_first, bool),
            f"The channels_first of sensor '{self.name}' must be true or false, not {self.channels_first!r}.",
        )
        if self.normalize not in NORMALIZE:
            raise unknown(f"way to normalize sensor '{self.name}' called", self.normalize, NORMALIZE)
        names = as_tuple(f"The channel_names of sensor '{self.name}'", self.channel_names)
        object.__setattr__(self, "channel_names", names)
        check_strings(f"The channel_names of sensor '{self.name}'", names)
        require(
            len(names) in (0, self.channels) and len(set(names)) == len(names),
            f"The channel_names of sensor '{self.name}' must be {self.channels} different names, not {list(names)}.",
        )
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
    def signals(self) -> int:  # type: ignore[override]
        return self.channels

    @property
    def dtype(self) -> str:
        return "float32"

    @property
    def unit(self) -> str:
        return "the channels' own units, NaN where nothing was measured and after the end"

    def fit(self, values: Sequence[object]) -> Self:
        """With the mean and the deviation of each channel over what was measured in these records."""
        if self.means:
            return self
        means, deviations = statistics(np.concatenate([self._read(value)[0] for value in values]))
        return replace(self, means=means, deviations=deviations)

    @property
    def unfitted(self) -> str:
        return "" if self.means else "channels whose mean and deviation are not known yet"

    def decode(self, value: Raw) -> np.ndarray:
        """An array (any, channels), a .npy or .parquet file, or a CSV of numbers with or without a header line.

        What is no finite number is a gap. What is longer than `steps` is cut, and the log says so.

        Raises:
            MMZooError: it is not readable, holds something else than numbers, or has other channels.
        """
        array, length = self._read(value)
        if length > self.steps:
            note_truncation(self.name, length, self.steps, "steps", "steps", MOST_STEPS)
        return padded(array, self.steps, np.nan)

    def _read(self, value: Raw) -> tuple[np.ndarray, int]:
        """Up to `steps` steps, float32 (any, channels), NaN in gaps; and how many there are."""
        what = f"sensor '{self.name}'"
        found, names, _ = read_named(value)
        if self.channels_first:
            found = real_numbers(found, what, np.float64).T
        elif names and self.channel_names:
            found = columns_called(np.asarray(found), names, self.channel_names, self.rate > 0, what)
        # Times in seconds since 1970 need 64 bits.
        array = read_array(found, what, self.channels + (self.rate > 0), np.float64)
        length = len(array)
        if self.rate:
            array, length = even_steps(array, self.rate, self.steps, what)
        array = real_numbers(array[: self.steps], what)
        return np.where(np.isfinite(array), array, np.nan), length

    @classmethod
    def holds(cls, value: Raw) -> bool:
        """A table of numbers; one of many bytes to each side is a picture."""
        if not isinstance(value, np.ndarray) or axes_of(value) != 2:
            return False
        return not (value.dtype == np.uint8 and min(value.shape) > 8)

    @classmethod
    def from_cell(cls, value: Raw) -> Raw:
        return np.asarray(value, np.float32) if isinstance(value, list) else super().from_cell(value)

    @classmethod
    def guessed(cls, name: str, values: Sequence[object]) -> Self:
        """The channels, their names, the rate and the length that a sample of all files has."""
        layout = layout_of(name, values)
        # The longest kernels reach over the whole of it.
        dilations = int(np.clip(np.log2(layout.steps / 4), 1, 9))
        return cls(name, **layout._asdict(), tower=Tower("rocket", dilations=dilations))

    @classmethod
    def trial(cls, name: str = "value", values: Sequence[object] = ()) -> Self | None:
        """An input of the channels that most of the values have; None where none of them can be read."""
        try:
            return cls(name, **layout_of(name, values)._asdict()) if values else None
        except MMZooError:
            return None

    @classmethod
    def content(cls, value: Raw) -> Raw:
        """The numbers of a file, however they are written."""
        return np.asarray(read_named(value).values)

    @classmethod
    def to_stored(cls, value: Raw) -> bytes:
        """The numbers of a CSV or Parquet file are an array."""
        return super().to_stored(read_named(value).values)

    def shown(self, value: Raw) -> Shown:
        """Each channel as the points of a line."""
        example = self.decode(value)
        return Shown("{} steps of {} channels".format(*example.shape), curves=curves(example))

    def explain(self, probe: Probe) -> InputExplanation:
        """Each channel as if it had not been measured, and integrated gradients from channels at their means."""
        maps = {"occlusion": without_each(probe, np.full(self.channels, np.nan, np.float32))}
        names, gap = list(self.channel_names) or [f"channel {k + 1}" for k in range(self.channels)], None
        if (at := probe.spectrum) is not None:
            # Behind the gaps: the channels at mean 0, then what was measured, which stays.
            x, mask = probe.at(at)
            baseline = np.concatenate([np.zeros_like(x[..., : self.channels]), x[..., self.channels :]], axis=-1)
            shares, gap = probe.integrated_gradients(at, x, baseline, mask)
            maps["integrated_gradients"] = shares[:, : self.channels].sum(axis=0)
        caption = "what each channel says for the answer (blue) and against it (orange)"
        return InputExplanation(self.kind, maps, caption, names, gap, shown=probe.example)

    def rebuilding(self) -> Channels:
        return Channels(self)

    def vectorizer(self) -> Each:
        """Statistics and the spectrum of each channel."""
        return Each(lambda value: series_vector(self.decode(value)), f"measuring {self.name}")

    def sequence(self, x: Tensor, width: int) -> Tensor:
        """Steps (B, T, 2 channels): the channels without gaps, and which of them were measured."""
        from mmzoo.declared import frozen_features
        from mmzoo.modalities.sensor.gaps import FillGaps
        from mmzoo.tokens import Tokens

        self.check_fitted()
        layer = FillGaps(
            self.means, self.deviations, each=self.normalize == "each", name=f"{self.name}.frozen_features"
        )
        return Tokens(*frozen_features(self, layer)(x))
