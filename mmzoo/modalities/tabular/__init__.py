"""Tables: a row of numbers and categories to float32 (columns,)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.choice import Tower
from mmzoo.errors import DataError, MMZooError, as_tuple, check_number, check_strings, require, require_data, unknown
from mmzoo.limits import unique_keys
from mmzoo.modalities import modalities
from mmzoo.modalities.base import Modality, frequent, statistics
from mmzoo.modalities.corruption import Corruption
from mmzoo.modalities.explanation import InputExplanation, Probe, without_each
from mmzoo.modalities.shown import Shown
from mmzoo.modalities.tabular.cells import LARGEST, is_missing, number_of, says_nothing, text_of
from mmzoo.modalities.tabular.corruption import CORRUPTIONS
from mmzoo.modalities.tabular.vectorizer import Columns
from mmzoo.words import one_line

MOST_CATEGORIES = 1000  # of one column; those that are rarer share the place of the unknown

MISSING, UNKNOWN = 0, 1  # a category's first two places


@modalities.register("tabular")
@dataclass(frozen=True)
class Tabular(Modality):
    """A row of a table. The decoded example is float32: the numbers (NaN where missing), then a place a category.

    Places: 0 is missing, 1 is unknown (never seen in training), then the vocabulary.

    Args:
        numbers: columns of numbers.
        categories: columns of categories.
        means, deviations: of each column of numbers; `fit` fills them in.
        vocabularies: what each column of categories can hold; `fit` fills them in.
    """

    numbers: Sequence[str] = ()
    categories: Sequence[str] = ()
    means: Sequence[float] = ()
    deviations: Sequence[float] = ()
    vocabularies: Sequence[Sequence[str]] = ()
    tower: Tower | str = "mlp"
    kind: ClassVar[str] = "tabular"
    colour: ClassVar[str] = "#5d6470"
    in_column: ClassVar[bool] = False
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)
    axes: ClassVar[tuple[int, ...]] = (1,)
    corruptions: ClassVar[dict[str, Corruption]] = CORRUPTIONS

    def __post_init__(self) -> None:
        super().__post_init__()
        for what in ("numbers", "categories", "means", "deviations"):
            object.__setattr__(self, what, as_tuple(f"The {what} of tabular input '{self.name}'", getattr(self, what)))
        what = f"The vocabularies of tabular input '{self.name}'"
        lists = tuple(as_tuple(f"Each of {what.lower()}", words) for words in as_tuple(what, self.vocabularies))
        object.__setattr__(self, "vocabularies", lists)
        names = [*self.numbers, *self.categories]
        check_strings(f"The columns of tabular input '{self.name}'", names)
        require(names, f"Tabular input '{self.name}' needs columns: numbers=[...], categories=[...].")
        double = [name for name, count in Counter(names).items() if count > 1]
        require(not double, f"Tabular input '{self.name}' names the column {double} twice; name each once.")
        for what, count in (("means", len(self.numbers)), ("deviations", len(self.numbers))):
            values = getattr(self, what)
            for value in values:
                check_number(f"Each of the {what} of tabular input '{self.name}'", value, -1e30, 1e30)
            require(
                len(values) in (0, count),
                f"The {what} of tabular input '{self.name}' must be {count} finite numbers, not {list(values)}.",
            )
        require(
            len(self.vocabularies) in (0, len(self.categories)),
            f"The vocabularies of tabular input '{self.name}' must be {len(self.categories)} lists.",
        )

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.numbers) + len(self.categories),)

    @property
    def dtype(self) -> str:
        return "float32"

    @property
    def unit(self) -> str:
        return (
            "numbers in their own units (NaN where missing), then categories: 0 missing, 1 unknown, 2.. by vocabulary"
        )

    @property
    def sizes(self) -> list[int]:
        """How many places each column of categories has."""
        return [len(words) + 2 for words in self.vocabularies]

    def fit(self, values: Sequence[Any]) -> Self:
        """With the statistics of the numbers and the vocabularies of the categories in these rows."""
        if not self.unfitted:
            return self
        vocabularies = []
        for column in self.categories:
            found = (self._category(column, self._row(value)) for value in values)
            vocabularies.append(frequent(word for word in found if word is not None)[:MOST_CATEGORIES])
        means, deviations = statistics(np.array([self._numbers(self._row(value)) for value in values], np.float64))
        return replace(self, means=means, deviations=deviations, vocabularies=vocabularies)

    @property
    def unfitted(self) -> str:
        known = len(self.means) == len(self.numbers) and len(self.vocabularies) == len(self.categories)
        return "" if known else "columns whose statistics and vocabularies are not known yet"

    def decode(self, value: Mapping[str, Any]) -> np.ndarray:
        """A mapping of columns to values, as float32 (columns,).

        What is not in it, None, or says that there is nothing ("NA", "null", "-" ...) is missing. Other columns may be
        in it too, as long as one of the model's is.
        """
        self.check_fitted()
        row = self._row(value)
        places = []
        for column, words in zip(self.categories, self._places, strict=True):
            found = self._category(column, row)
            written = row.get(column)
            # What a vocabulary has is what it was fitted on: a word for nothing too, and 1.0 where that was a text.
            known = [] if is_missing(written) else [found, str(written).strip()]
            place = next((words[word] for word in known if word in words), UNKNOWN)
            places.append(MISSING if found is None and place == UNKNOWN else place)
        return np.array([*self._numbers(row), *places], np.float32)

    def check(self, value: Mapping[str, Any]) -> None:
        row = self._row(value)
        self._numbers(row)
        for column in self.categories:
            self._category(column, row)

    @property
    def absent(self) -> np.ndarray:
        """A row of which everything is missing, decoded."""
        return np.array([np.nan] * len(self.numbers) + [MISSING] * len(self.categories), np.float32)

    def mended(self, value: Raw, good: Callable[[Any], bool]) -> Raw:
        """The good cells of a row."""
        if not isinstance(value, dict):
            return None
        left = {column: cell for column, cell in value.items() if good({column: cell})}
        return left if any(not is_missing(cell) for cell in left.values()) else None

    def gathered(self, columns: Mapping[str, Sequence[Any]]) -> list[Any] | None:
        """The rows of a table that has all its columns."""
        if not {*self._columns} <= columns.keys():
            return None
        rows = zip(*(columns[name] for name in self._columns), strict=True)
        return [dict(zip(self._columns, row, strict=True)) for row in rows]

    def from_argument(self, text: str) -> Raw:
        """A row, written as a JSON object.

        Raises:
            MMZooError: it is none, or has a column that the model does not know: a misspelt one would be missing.
        """
        try:
            row = json.loads(text, object_pairs_hook=unique_keys)
            require(isinstance(row, dict), "")
        except (ValueError, RecursionError):
            raise MMZooError(
                f"Input '{self.name}' is a row: write --input '{self.name}={{\"column\": value}}', "
                f"not '{one_line(text, 200)}'."
            ) from None
        self.check_columns(row)
        return row

    def shown(self, value: Raw) -> Shown:
        return Shown(", ".join(f"{column} {cell}" for column, cell in value.items()))

    def explain(self, probe: Probe) -> InputExplanation:
        """Each column as if it were missing, and for numbers alone integrated gradients from their means."""
        maps, gap = {"occlusion": without_each(probe, self.absent)}, None
        if not self.categories:
            x, _ = probe.at(probe.gate)
            baseline = np.where(np.isnan(x), x, np.array(self.means, np.float32))
            maps["integrated_gradients"], gap = probe.integrated_gradients(probe.gate, x, baseline)
        caption = "what each column says for the answer (blue) and against it (orange)"
        return InputExplanation(self.kind, maps, caption, [*self._columns], gap, tokens="pieces")

    def mixed(self, own: Tensor, other: Tensor, share: Tensor, keys: Tensor) -> Tensor:
        from mmzoo.modalities.tabular.mixing import columns_of_both

        return columns_of_both(own, other, share, keys)

    def vectorizer(self) -> Columns:
        return Columns(self)

    def check_columns(self, row: Mapping[str, Any]) -> None:
        """Raise where a row that somebody wrote by hand has a column that the model does not know."""
        for column in row:
            if column not in self._columns:
                raise unknown(f"column of input '{self.name}' called", column, self._columns)

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        return (*self.numbers, *self.categories)

    @cached_property
    def _places(self) -> list[dict[str, int]]:
        return [{word: k for k, word in enumerate(words, start=2)} for words in self.vocabularies]

    def _row(self, value: Raw) -> Mapping[str, Any]:
        require_data(
            isinstance(value, Mapping),
            "bad_row",
            f"A row of tabular input '{self.name}' must be a mapping of columns to values, not {type(value).__name__}.",
        )
        here = [column for column in value if column in self._columns]
        for column in value if len(here) < len(self._columns) else ():
            if column in self._columns:
                continue
            alike = [each for each in self._columns if each not in here and plain_words(each) == plain_words(column)]
            if alike or not here:
                error = unknown(f"column of input '{self.name}' called", column, alike or self._columns)
                raise DataError(str(error), "unknown_column")
        return value  # type: ignore[no-any-return]

    def _numbers(self, row: Mapping[str, Any]) -> list[float]:
        found = []
        for column in self.numbers:
            value = row.get(column)
            if isinstance(value, DataError):
                raise value
            number = float("nan") if says_nothing(value) else number_of(value)
            if number is None:
                message = f"Column '{column}' of input '{self.name}' must be a number, not {value!r}; mend or empty it."
                raise DataError(message, "bad_number")
            found.append(number if abs(number) <= LARGEST else float("nan"))
        return found

    def _category(self, column: str, row: Mapping[str, Any]) -> str | None:
        """A category as text; None where it is missing."""
        value = row.get(column)
        if isinstance(value, DataError):
            raise value
        if says_nothing(value):
            return None
        require_data(
            not isinstance(value, (Mapping, list, tuple, set, frozenset, bytes, np.ndarray)),
            "bad_category",
            f"Column '{column}' of input '{self.name}' must be a text or a number, not {type(value).__name__}.",
        )
        return text_of(value)


def plain_words(text: str) -> str:
    """A column's name without case, blanks and marks, by which a misspelt one is known."""
    return "".join(char for char in str(text).casefold() if char.isalnum()) or str(text)
