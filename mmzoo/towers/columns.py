"""The columns of a row as vectors, one a column: what the towers over tables begin with."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Shape, Tensor
from mmzoo.modalities.tabular import Tabular
from mmzoo.modalities.tabular.days import EPOCH, PARTS, PERIODS
from mmzoo.modalities.tabular.fitting import HUGE, edges_of
from mmzoo.modalities.tabular.rows import MISSING, UNKNOWN
from mmzoo.tokens import is_number
from mmzoo.towers import scoped

NARROWEST = 1e-30  # of a bin; its width is divided by
WIDEST = 1e6  # spreads from the median; a number further away is as good as this far


@keras.saving.register_keras_serializable("mmzoo")
class PiecewiseLinear(keras.layers.Layer):
    """Numbers by the bins between their quantiles: (B, N) -> bins (B, N, T), values (B, N), there (B, N).

    Bin t holds 0 below its lower edge, 1 above its upper edge, and rises in between: the piecewise-linear encoding of
    Gorishniy et al. 2022, "On Embeddings for Numerical Features", arXiv:2203.05556, but for the first and the last bin,
    which end too. Edges are the different ones among the quantiles, so that a column of few values has a step each, and
    a constant one nothing but zeros.

    A value is `3 tanh(z / 3)`, for z the distance from the median in units of the spread between the quarters (or of
    half of the whole, where the quarters are one): it goes on where the bins end, and has no heavy tails. `there` is 1
    where there is a number; where there is none, the other two are those of the median.
    """

    def __init__(self, quantiles: Sequence[Sequence[float]], **kwargs: object) -> None:
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        self.quantiles = [list(each) for each in quantiles]
        edges = [edges_of(each) for each in self.quantiles]
        shape = (len(edges), max(1, *(len(each) - 1 for each in edges)))
        self.lower, self.upper = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for row, each in enumerate(edges):
            self.lower[row, : len(each) - 1], self.upper[row, : len(each) - 1] = each[:-1], each[1:]
        self.slopes = reciprocal(self.upper - self.lower)
        points = [np.quantile(each, [0, 0.25, 0.5, 0.75, 1]) for each in self.quantiles]
        least, first, middle, third, largest = np.array(points, np.float32).T
        self.medians = middle
        self.scales = reciprocal(np.where(third > first, third - first, (largest - least) / 2))

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "quantiles": self.quantiles}

    def call(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        there = is_number(x)
        x = ops.where(there, x, self.medians)
        wide = x[..., None]
        bins = (ops.minimum(ops.maximum(wide, self.lower), self.upper) - self.lower) * self.slopes
        values = ops.clip((x - self.medians) * self.scales, -WIDEST, WIDEST)
        return bins, 3.0 * ops.tanh(values / 3.0), ops.cast(there, "float32")


def reciprocal(widths: np.ndarray) -> np.ndarray:
    """1 / widths, 0 where there is no width to speak of."""
    return np.where(widths > NARROWEST, 1.0 / np.maximum(widths, NARROWEST), 0.0).astype(np.float32)


@keras.saving.register_keras_serializable("mmzoo")
class DateParts(keras.layers.Layer):
    """Days since the year 2000, NaN for none, as the parts of each date and what comes again and again.

    float32 (B, D) -> (B, D * 6), in the order of `PARTS`, `HUGE` where missing; and (B, D * 6), a sine and a cosine
    each of the hour, the weekday and the season, 0 where missing. The calendar is computed in whole numbers that
    float32 holds exactly (Hinnant 2014, "chrono-compatible low-level date algorithms", `civil_from_days`), with
    operations that every export has.
    """

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})

    def call(self, x: Tensor) -> tuple[Tensor, Tensor]:
        there = is_number(x)
        x = ops.where(there, x, 0.0)
        days = ops.floor(x)
        hour = (x - days) * 24.0
        # Years are counted from March, so that the leap day is the last of a year, and in cycles of 400 years.
        since = days - 60.0 + 146097.0 * 8
        cycle = divided(since, 146097)
        of_cycle = since - 146097.0 * cycle
        year = divided(of_cycle - divided(of_cycle, 1460) + divided(of_cycle, 36524) - divided(of_cycle, 146096), 365)
        of_year = of_cycle - (365.0 * year + divided(year, 4) - divided(year, 100))
        month = divided(5.0 * of_year + 2.0, 153)
        day = of_year - divided(153.0 * month + 2.0, 5) + 1.0
        month, late = ops.where(month < 10, month + 3.0, month - 9.0), ops.cast(month >= 10, "float32")
        year = year + 400.0 * (cycle - 3.0) + late
        turned = days + EPOCH.weekday() + 7.0 * 300_000
        weekday = turned - 7.0 * divided(turned, 7)
        phases = {"hour": hour, "weekday": weekday + hour / 24.0, "season": of_year + hour / 24.0}
        angles = [phases[name] * (2 * np.pi / period) for name, period in PERIODS.items()]
        waves = ops.stack([wave(angle) for angle in angles for wave in (ops.sin, ops.cos)], axis=-1)
        parts = ops.stack([year, month, day, weekday, hour, x], axis=-1)
        parts, waves = ops.where(there[..., None], parts, 2 * HUGE), ops.where(there[..., None], waves, 0.0)
        return tuple(ops.reshape(each, (-1, x.shape[1] * each.shape[2])) for each in (parts, waves))


def divided(x: Tensor, by: int) -> Tensor:
    """The whole part of a division of whole numbers, 0 or more: half a unit more is safe from rounding."""
    return ops.floor((x + 0.5) / float(by))


@keras.saving.register_keras_serializable("mmzoo")
class NumberVectors(keras.layers.Layer):
    """A vector for each number, linear in its bins and its value, or the column's own for a missing one.

    bins (B, N, T), values (B, N), there (B, N) -> (B, N, width). The weights of the bins begin at zero, so that a
    column is a line before it is a curve; so does the vector of a missing number, which says nothing where training
    has none.
    """

    def __init__(self, width: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.width = width

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "width": self.width}

    def build(self, bins_shape: Shape, values_shape: Shape, there_shape: Shape) -> None:
        count, bins = bins_shape[1:]
        shape, uniform = (count, self.width), keras.initializers.RandomUniform(-1, 1)
        self.curves = self.add_weight(shape=(count, bins, self.width), initializer="zeros", name="curves")
        self.slopes = self.add_weight(shape=shape, initializer=uniform, name="slopes")
        self.shifts = self.add_weight(shape=shape, initializer=uniform, name="shifts")
        self.missing = self.add_weight(shape=shape, initializer="zeros", name="missing_numbers")

    def call(self, bins: Tensor, values: Tensor, there: Tensor) -> Tensor:
        curved = ops.transpose(ops.matmul(ops.transpose(bins, (1, 0, 2)), self.curves), (1, 0, 2))
        known = curved + values[..., None] * self.slopes + self.shifts
        return ops.where(there[..., None] > 0, known, self.missing)


@keras.saving.register_keras_serializable("mmzoo")
class CategoryVectors(keras.layers.Layer):
    """A vector for each category, of all columns in one table: places int32 (B, C) -> (B, C, width).

    Those of a missing and of an unknown category begin at zero: where training has neither, they say nothing.

    Guo & Berkhahn 2016, "Entity Embeddings of Categorical Variables", arXiv:1604.06737.
    """

    def __init__(self, sizes: Sequence[int], width: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.sizes, self.width = list(sizes), width
        self.offsets = np.cumsum([0, *self.sizes[:-1]]).astype(np.int32)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "sizes": self.sizes, "width": self.width}

    def build(self, shape: Shape) -> None:
        told = np.ones((sum(self.sizes), 1), np.float32)
        for place in (MISSING, UNKNOWN):
            told[self.offsets + place] = 0.0

        def initial(shape: Shape, dtype: str | None = None) -> Tensor:
            return keras.initializers.RandomUniform(-1, 1)(shape, dtype) * ops.cast(told, dtype)

        self.vectors = self.add_weight(shape=(sum(self.sizes), self.width), initializer=initial, name="vectors")

    def call(self, places: Tensor) -> Tensor:
        return ops.take(self.vectors, places + self.offsets, axis=0)


@keras.saving.register_keras_serializable("mmzoo")
class WordVectors(keras.layers.Layer):
    """The sum of the vectors of the words that a cell has, or a vector for a missing cell: (B, W) -> (B, width)."""

    def __init__(self, width: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.width = width

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "width": self.width}

    def build(self, shape: Shape) -> None:
        uniform = keras.initializers.RandomUniform(-1, 1)
        self.vectors = self.add_weight(shape=(shape[-1], self.width), initializer=uniform, name="vectors")
        self.missing = self.add_weight(shape=(self.width,), initializer="zeros", name="missing_words")

    def call(self, flags: Tensor) -> Tensor:
        there = is_number(flags)
        return ops.where(there[:, :1], ops.matmul(ops.where(there, flags, 0.0), self.vectors), self.missing)


def column_vectors(x: Tensor, item: Tabular, width: int) -> Tensor:
    """A vector for each column, in their order: decoded rows (B, places) -> (B, columns, width).

    A missing number, date or cell of words, and a missing and an unknown category, have vectors of their own.
    """
    item.check_fitted()
    name = scoped(item)
    numbers, categories, dates = len(item.numbers), len(item.categories), len(item.dates)
    found = []
    if numbers:
        parts = PiecewiseLinear(item.quantiles[:numbers], name=name("numbers"))(x[:, :numbers])
        found.append(NumberVectors(width, name=name("number_vectors"))(*parts))
    first = numbers + categories
    if categories:
        places = ops.cast(x[:, numbers:first], "int32")  # before a layer rounds them to 16 bits
        found.append(CategoryVectors(item.sizes, width, name=name("category_vectors"))(places))
    if dates:
        parts, waves = DateParts(name=name("dates"))(x[:, first : first + dates])
        told = PiecewiseLinear(item.quantiles[numbers:], name=name("date_numbers"))(parts)
        vectors = NumberVectors(width, name=name("date_vectors"))(*told)
        vectors = ops.sum(ops.reshape(vectors, (-1, dates, len(PARTS), width)), axis=2)
        waves = ops.split(waves, dates, axis=1)
        turning = [
            keras.layers.Dense(width, use_bias=False, name=name(f"date_waves{k}"))(w) for k, w in enumerate(waves)
        ]
        found.append(vectors + ops.stack(turning, axis=1))
    first += dates
    for index, count in enumerate(item.flag_counts):
        layer = WordVectors(width, name=name(f"word_vectors{index}"))
        found.append(layer(x[:, first : first + count])[:, None])
        first += count
    return found[0] if len(found) == 1 else ops.concatenate(found, axis=1)
