"""Tables: a row of numbers, categories and dates to float32 (places,)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Self

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.choice import Tower
from mmzoo.errors import as_tuple, check_strings, require, unknown
from mmzoo.modalities import modalities
from mmzoo.modalities.base import Modality
from mmzoo.modalities.corruption import Corruption
from mmzoo.modalities.explanation import InputExplanation, Probe
from mmzoo.modalities.shown import Shown
from mmzoo.modalities.tabular.cells import is_missing
from mmzoo.modalities.tabular.corruption import CORRUPTIONS
from mmzoo.modalities.tabular.days import PARTS
from mmzoo.modalities.tabular.fitting import check_quantiles, learned
from mmzoo.modalities.tabular.form import form_of
from mmzoo.modalities.tabular.rebuilding import Cells
from mmzoo.modalities.tabular.rows import MISSING, UNKNOWN, Rows, from_text
from mmzoo.modalities.tabular.vectorizer import Columns
from mmzoo.modalities.widgets import Widget


@modalities.register("tabular")
@dataclass(frozen=True)
class Tabular(Modality):
    """A row of a table, decoded as float32: numbers, a place a category, days a date, and flags of multi-categories.

    Numbers stand there in their own units, NaN where missing. A category's places: 0 is missing, 1 is unknown (rare or
    never seen in training), then the vocabulary. A date is days since the year 2000, the time of day as their fraction.
    A column of multi-categories, such as "Drama, Crime", has a flag for an unknown word and one for each word of its
    vocabulary, all NaN where missing. What `fit` learns stands in the spec; the rest happens in the graph.

    Args:
        numbers, categories, dates, multi_categories: the names of such columns.
        quantiles: of each column of numbers, then of each part of each date (`mmzoo.modalities.tabular.days.PARTS`):
            values at equal steps of probability, rising; `fit` fills them in.
        vocabularies: what each column of categories, then of multi-categories can hold; `fit` fills them in.
        delimiters: what stands between the words in each column of multi-categories; `fit` fills them in.
        forms: how each column of numbers, then of dates is written where its cells do not say it one by one, such as
            ",€" and "DMY", see the modules `numbers` and `dates`; plainly, if not given.
    """

    numbers: Sequence[str] = ()
    categories: Sequence[str] = ()
    dates: Sequence[str] = ()
    multi_categories: Sequence[str] = ()
    quantiles: Sequence[Sequence[float]] = ()
    vocabularies: Sequence[Sequence[str]] = ()
    delimiters: Sequence[str] = ()
    forms: Sequence[str] = ()
    tower: Tower | str = "mlp"
    kind: ClassVar[str] = "tabular"
    colour: ClassVar[str] = "#5d6470"
    in_column: ClassVar[bool] = False
    gaps: ClassVar[bool] = True
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)
    axes: ClassVar[tuple[int, ...]] = (1,)
    corruptions: ClassVar[dict[str, Corruption]] = CORRUPTIONS

    gathers: ClassVar[Mapping[str, str]] = {
        "number": "numbers",
        "category": "categories",
        "date": "dates",
        "multi_category": "multi_categories",
    }
    """The kinds of columns of a table that become one row, and the fields that name them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        this = f"tabular input '{self.name}'"
        for what in (*self.gathers.values(), "delimiters", "forms"):
            object.__setattr__(self, what, as_tuple(f"The {what} of {this}", getattr(self, what)))
        for what in ("vocabularies", "quantiles"):
            lists = as_tuple(f"The {what} of {this}", getattr(self, what))
            object.__setattr__(self, what, tuple(as_tuple(f"Each of the {what} of {this}", each) for each in lists))
        check_strings(f"The columns of {this}", self.columns)
        kinds = ", ".join(f"{what}=[...]" for what in self.gathers.values())
        require(self.columns, f"Tabular input '{self.name}' needs columns: {kinds}.")
        double = [name for name, count in Counter(self.columns).items() if count > 1]
        require(not double, f"Tabular input '{self.name}' names the column {double} twice; name each once.")
        for what, count, they in (
            ("quantiles", self._number_count, "lists of numbers"),
            ("vocabularies", self._word_count, "lists"),
            ("delimiters", len(self.multi_categories), "texts"),
            ("forms", len(self.numbers) + len(self.dates), "texts"),
        ):
            require(len(getattr(self, what)) in (0, count), f"The {what} of {this} must be {count} {they}.")
        check_quantiles(this, self.quantiles)
        require(all(isinstance(each, str) for each in self.forms), f"The forms of {this} must be texts.")
        good = all(isinstance(each, str) and each for each in self.delimiters)
        require(good, f"The delimiters of {this} must be texts of at least one character.")

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """All columns, in the order in which they are decoded."""
        return (*self.numbers, *self.categories, *self.dates, *self.multi_categories)

    @cached_property
    def _forms(self) -> Sequence[str]:
        return self.forms or [""] * (len(self.numbers) + len(self.dates))

    @cached_property
    def _rows(self) -> Rows:
        columns = self.numbers, self.categories, self.dates, self.multi_categories
        return Rows(self.name, *columns, self._forms, self.vocabularies, self.delimiters)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.owners),)

    @cached_property
    def owners(self) -> np.ndarray:
        """Which of `columns` each place of a decoded example belongs to, int (places,)."""
        single = len(self.columns) - len(self.multi_categories)
        counts = [1] * single + self.flag_counts
        return np.repeat(np.arange(len(counts)), counts)

    @property
    def dtype(self) -> str:
        return "float32"

    @property
    def unit(self) -> str:
        return (
            "numbers in their own units (NaN where missing), then categories: 0 missing, 1 unknown, 2.. by vocabulary, "
            "then dates: days since 2000-01-01, then 1 or 0 for an unknown word and each known one of multi-categories "
            "(NaN where missing)"
        )

    @property
    def sizes(self) -> list[int]:
        """How many places each column of categories has."""
        return [len(words) + 2 for words in self.vocabularies[: len(self.categories)]]

    @property
    def flag_counts(self) -> list[int]:
        """How many flags each column of multi-categories has."""
        return [len(words) + 1 for words in self.vocabularies[len(self.categories) :]]

    def fit(self, values: Sequence[object]) -> Self:
        """With the quantiles of the numbers, and the vocabularies of the categories, in these rows."""
        if not self.unfitted:
            return self
        return replace(self, **learned(self._rows, values))

    @property
    def unfitted(self) -> str:
        known = len(self.quantiles) == self._number_count and len(self.vocabularies) == self._word_count
        known = known and len(self.delimiters) == len(self.multi_categories)
        return "" if known else "columns whose statistics and vocabularies are not known yet"

    def decode(self, value: Raw) -> np.ndarray:
        """A mapping of columns to values, as float32 (places,).

        What is not in it, None, or says that there is nothing ("NA", "null", "-" ...) is missing. Other columns may be
        in it too, as long as one of the model's is.
        """
        self.check_fitted()
        row = self._rows.checked(value)
        numbers, flags = self._rows.numbers_in(row), self._rows.flags_in(row)
        return np.array([*numbers, *self._rows.places_in(row), *self._rows.days_in(row), *flags], np.float32)

    def check(self, value: Raw) -> None:
        self._rows.check(value)

    @property
    def absent(self) -> np.ndarray:
        """A row of which everything is missing, decoded."""
        found = np.full(self.shape, np.nan, np.float32)
        found[len(self.numbers) : len(self.numbers) + len(self.categories)] = MISSING
        return found

    @property
    def typical(self) -> np.ndarray:
        """A row of medians and of the most frequent categories, decoded; what has neither is missing."""
        found, start = self.absent, len(self.numbers)
        found[:start] = [np.median(each) for each in self.quantiles[:start]]
        found[start : start + len(self.categories)] = [min(UNKNOWN + 1, size - 1) for size in self.sizes]
        return found

    def lacking(self, example: np.ndarray) -> np.ndarray:
        """Which of `columns` are missing in a decoded row, bool (columns,)."""
        first = np.flatnonzero(np.diff(self.owners, prepend=-1))  # all flags of a column are missing, or none is
        gone = np.isnan(example[first])
        start = len(self.numbers)
        gone[start : start + len(self.categories)] = example[start : start + len(self.categories)] == MISSING
        return np.asarray(gone)

    def mended(self, value: Raw, good: Callable[[Raw], bool]) -> Raw:
        """The good cells of a row."""
        if not isinstance(value, dict):
            return None
        left = {column: cell for column, cell in value.items() if good({column: cell})}
        return left if any(not is_missing(cell) for cell in left.values()) else None

    @property
    def cell_kinds(self) -> Mapping[str, str]:
        return {column: kind for kind, field in self.gathers.items() for column in getattr(self, field)}

    @property
    def cell_forms(self) -> Mapping[str, str]:
        forms = zip((*self.numbers, *self.dates), self._forms, strict=True)
        marks = self.delimiters or [""] * len(self.multi_categories)
        return dict([*forms, *zip(self.multi_categories, marks, strict=True)])

    def gathered(self, columns: Mapping[str, Sequence[object]]) -> list[Raw] | None:
        """The rows of a table that has all its columns."""
        if not {*self.columns} <= columns.keys():
            return None
        cells = zip(*(columns[name] for name in self.columns), strict=True)
        return [dict(zip(self.columns, row, strict=True)) for row in cells]

    def from_argument(self, text: str) -> Raw:
        """A row, written as a JSON object.

        Raises:
            MMZooError: it is none, or has a column that the model does not know: a misspelt one would be missing.
        """
        row = from_text(self.name, text)
        self.check_columns(row)
        return row

    def widget(self) -> Widget:
        return Widget("form", form_of(self))

    def shown(self, value: Raw) -> Shown:
        cells = self._rows.checked(value).items()
        return Shown(", ".join(f"{column} {cell}" for column, cell in cells if cell is not None) or "(nothing)")

    def explain(self, probe: Probe) -> InputExplanation:
        """Each column with its usual value, and for numbers alone integrated gradients from their medians.

        That a column is missing may say something by itself, or never have been seen.

        Trees, which are what is frozen of a tower for rows, have no gradients.
        """
        lost = self.owners == np.arange(len(self.columns))[:, None]
        maps, gap = {"occlusion": probe.lost(np.where(lost, self.typical, probe.example))}, None
        if len(self.numbers) == len(self.columns) and probe.frozen is None:
            x, _ = probe.at(probe.gate)
            baseline = np.where(np.isnan(x), x, self.typical)
            maps["integrated_gradients"], gap = probe.integrated_gradients(probe.gate, x, baseline)
        caption = "what each column says for the answer (blue) and against it (orange), beside its usual value"
        return InputExplanation(self.kind, maps, caption, [*self.columns], gap, tokens="pieces")

    def mixed(self, own: Tensor, other: Tensor, share: Tensor, keys: Tensor) -> Tensor:
        from mmzoo.modalities.tabular.mixing import columns_of_both

        return columns_of_both(own, other, share, keys, self.owners)

    def rebuilding(self) -> Cells:
        return Cells(self)

    def vectorizer(self) -> Columns:
        return Columns(self)

    def check_columns(self, row: Mapping[str, object]) -> None:
        """Raise where a row that somebody wrote by hand has a column that the model does not know."""
        for column in row:
            if column not in self.columns:
                raise unknown(f"column of input '{self.name}' called", column, self.columns)

    @property
    def _number_count(self) -> int:
        """Columns of numbers, with the parts of dates."""
        return len(self.numbers) + len(PARTS) * len(self.dates)

    @property
    def _word_count(self) -> int:
        """Columns with a vocabulary."""
        return len(self.categories) + len(self.multi_categories)
