"""What the types of a DataFrame's columns say: categories, levels, periods, intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas
import polars
import pytest

import mmzoo
from mmzoo.errors import MMZooError

RANDOM = np.random.default_rng(0)
NUMBERS = RANDOM.normal(size=60)


def test_numbers_that_are_said_to_be_categories() -> None:
    """Codes of branches are no amounts; what most records have of their own stays what its cells are."""
    codes = RANDOM.integers(0, 9, 60)
    frame = pandas.DataFrame(
        {
            "branch": pandas.Categorical(codes),
            "zip": pandas.Categorical(codes.astype(str)),
            "own": pandas.Categorical(NUMBERS),
            "plain": codes,
            "word": pandas.Categorical(RANDOM.choice(["a", "b"], 60)),
        }
    )
    table = mmzoo.read_table(frame)
    kinds = {"branch": "category", "zip": "category", "own": "number", "plain": "number", "word": "category"}
    assert table.kinds == kinds
    assert table.notes["branch"] == "as its type says"
    assert mmzoo.read_table(frame, kinds={"branch": "number"}).kinds["branch"] == "number"


def test_periods_and_intervals() -> None:
    frame = pandas.DataFrame(
        {"month": pandas.period_range("2020-01", periods=60, freq="M"), "bin": pandas.cut(NUMBERS, 3)}
    )
    table = mmzoo.read_table(frame)
    assert table.kinds == {"month": "date", "bin": "category"}
    assert table.column("month")[1] == "2020-02-01T00:00:00"


ORDERED: dict[str, Any] = {
    "pandas": lambda cells: pandas.Categorical(cells, ["so so", "fine", "superb"], ordered=True),
    "polars": lambda cells: polars.Series(cells).cast(polars.Enum(["so so", "fine", "superb"])),
    "words": lambda cells: [{"so so": "Low", "fine": "medium", "superb": "very_high"}[cell] for cell in cells],
    "numbers": lambda cells: [{"so so": "1 bad", "fine": "2 well", "superb": "10 best"}[cell] for cell in cells],
}


@pytest.mark.parametrize("way", ORDERED)
def test_levels_have_the_order_of_their_type_or_of_their_words(way: str) -> None:
    labels = ORDERED[way](["fine", "superb", "so so"] * 20)
    made = polars.DataFrame if way == "polars" else pandas.DataFrame
    frame = made({"x": NUMBERS, "y": labels})
    wanted = {"words": ("Low", "medium", "very_high"), "numbers": ("1 bad", "2 well", "10 best")}
    spec, _ = mmzoo.table_spec(frame, "y", task="ordinal")
    assert spec.tasks[0].labels == wanted.get(way, ("so so", "fine", "superb"))
    assert mmzoo.table_spec(frame, "y")[0].tasks[0].kind == "classification"


def test_labels_without_an_order() -> None:
    frame = pandas.DataFrame({"x": NUMBERS, "y": ["fine", "superb", "so so"] * 20})
    with pytest.raises(MMZooError, match=r"no order that can be seen \(fine, so so, superb \.\.\.\); begin each"):
        mmzoo.table_spec(frame, "y", task="ordinal")


@pytest.mark.parametrize("given", [(1, "a"), ("a", 2), (1, 2)])
def test_a_pair_is_not_a_sound(given: tuple[object, object]) -> None:
    """Only a waveform with its rate is."""
    frame = pandas.DataFrame({"x": NUMBERS, "pair": [given] * 60, "y": ["a", "b"] * 30})
    with pytest.raises(MMZooError, match=r"'pair' has values that no input reads \(tuple\); "):
        mmzoo.table_spec(frame, "y")


@pytest.mark.parametrize("name", ["row", "texts"])
def test_no_column_is_called_as_an_input_of_several(name: str) -> None:
    """A record by its columns would be taken for one by its inputs."""
    texts = {
        f"remark {k}": [f"{'short' if row % 2 else 'other'} remark {row} of {k}" for row in range(60)] for k in "abcd"
    }
    frame = pandas.DataFrame({name: NUMBERS, **texts, "y": ["a", "b"] * 30})
    spec, records = mmzoo.table_spec(frame, "y")
    assert name not in spec.input_names
    assert f"all_{name}" in spec.input_names
    assert records.layout is not None
    assert name in records.layout.kinds
