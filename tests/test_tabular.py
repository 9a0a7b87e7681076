"""Tables: statistics, places, missing numbers and unseen categories."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.errors import DataError, MMZooError
from mmzoo.towers.tabular import Numbers

ROWS = [
    {"age": 20, "fare": "7.5", "port": "S"},
    {"age": None, "fare": 10.0, "port": "C"},
    {"age": 40, "fare": float("nan"), "port": "S"},
    {"age": float("inf"), "fare": "", "port": None, "extra": 1},
]
TABLE = mmzoo.Tabular("row", numbers=["age", "fare"], categories=["port"]).fit(ROWS)


def test_statistics_and_vocabularies() -> None:
    assert TABLE.means == (30.0, 8.75)
    assert TABLE.deviations == (10.0, 1.25)
    assert TABLE.vocabularies == (("S", "C"),), "the most frequent first"
    assert TABLE.fit(ROWS[:1]) == TABLE, "what is fitted stays"
    assert mmzoo.Tabular("x", categories=["port"]).fit(ROWS).unfitted == ""
    assert mmzoo.Tabular("x", numbers=["constant"]).fit([{"constant": 3}] * 4).deviations == (1e-3,)


def test_places() -> None:
    assert TABLE.decode(ROWS[0]).tolist() == [20, 7.5, 2]
    assert TABLE.decode({"port": "Q"})[2] == 1, "never seen"
    assert TABLE.decode({})[2] == 0, "missing"
    assert np.isnan(TABLE.decode({})[:2]).all()


@pytest.mark.parametrize(
    "nothing", [None, "", " ", "NA", "null", "-", float("nan"), np.float32("nan"), np.float16("nan")]
)
def test_what_says_nothing_is_missing(nothing: Any) -> None:
    found = TABLE.decode({"age": nothing, "fare": 1, "port": nothing})
    assert np.isnan(found[0])
    assert found[2] == 0


def test_what_pandas_and_decimals_say_is_missing() -> None:
    pandas = pytest.importorskip("pandas")
    for nothing in (pandas.NA, pandas.NaT, Decimal("NaN"), Decimal("sNaN")):
        assert TABLE.decode({"age": nothing, "port": nothing})[2] == 0


def test_a_category_is_written_one_way() -> None:
    table = mmzoo.Tabular("row", categories=["zip"]).fit([{"zip": "7"}, {"zip": 7.0}, {"zip": " 7 "}, {"zip": "07"}])
    assert table.vocabularies == (("7", "07"),)
    assert [table.decode({"zip": value})[0] for value in ("7", 7, 7.0, "7 ", "07", "7.0")] == [2, 2, 2, 2, 3, 1]
    older = replace(table, vocabularies=[["1.0", "None", "nan"]])  # as they were written before
    assert [older.decode({"zip": value})[0] for value in (1.0, "None", None, float("nan"))] == [2, 3, 0, 0]


def test_a_misspelt_column_is_not_a_missing_one() -> None:
    for row in ({"Age": 1, "Fare": 2, "Port": "S"}, {"Age": 1, "fare": 2}, {"agee": 1}):
        with pytest.raises(
            DataError, match=r"no column of input 'row' called '[Aa]ge+'. Did you mean 'age'\?"
        ) as caught:
            TABLE.decode(row)
        assert caught.value.cause == "unknown_column"
    assert TABLE.decode({"age": 20, "name": "of no interest"})[0] == 20
    with pytest.raises(MMZooError, match="called 'name'"):
        TABLE.check_columns({"age": 20, "name": "in a row written by hand"})


def test_a_row_on_the_command_line() -> None:
    assert TABLE.from_argument('{"age": 3, "port": "S"}') == {"age": 3, "port": "S"}
    for text in ("3", "[1]", "{", '{"age": ' + "[" * 100_000, '{"age": 1, "age": 2}', '{"age": ' + "9" * 5000 + "}"):
        with pytest.raises(MMZooError, match="is a row: write --input") as caught:
            TABLE.from_argument(text)
        assert len(str(caught.value)) < 300
    with pytest.raises(MMZooError, match="Did you mean 'fare'"):
        TABLE.from_argument('{"age": 1, "far": 2}')
    assert np.isnan(TABLE.decode(TABLE.from_argument('{"age": NaN, "fare": 1e999}'))[:2]).all()
    for text in ('{"age": [[1]]}', '{"port": {"a": 1}}', '{"port": ["S"]}', '{"age": "1_0"}'):
        with pytest.raises(DataError, match="must be a"):
            TABLE.decode(TABLE.from_argument(text))


def test_numbers_are_normalised_and_missing_ones_flagged() -> None:
    values, there = Numbers(TABLE.means, TABLE.deviations)(np.stack([TABLE.decode(row) for row in ROWS]))
    np.testing.assert_allclose(values, [[-1, -1], [0, 1], [1, 0], [0, 0]], atol=1e-6)
    np.testing.assert_array_equal(there, [[1, 1], [0, 1], [1, 0], [0, 0]])


@pytest.mark.parametrize("tower", ["mlp", "ft_transformer"])
def test_a_missing_number_is_not_a_zero(tower: str) -> None:
    """The mean of a column and a missing number are told apart, once the model has trained at all."""
    keras.utils.set_random_seed(0)
    spec = mmzoo.Spec([replace(TABLE, tower=tower)], "concat", [mmzoo.Binary("alive")], dim=16)
    model = mmzoo.build(spec)
    rows = [{"age": 30.0, "fare": 8.75, "port": "S"}, {"age": None, "fare": 8.75, "port": "S"}]
    inputs = {"row": np.stack([spec.inputs[0].decode(row) for row in rows]), "present": np.ones((2, 1), bool)}
    found = np.asarray(model(inputs)["alive"])
    assert abs(found[0, 0] - found[1, 0]) > 1e-4


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: mmzoo.Tabular("x"), "needs columns"),
        (lambda: mmzoo.Tabular("x", numbers=["a"], categories=["a"]), r"column \['a'\] twice"),
        (lambda: mmzoo.Tabular("x", numbers=["a"], means=[1, 2]), "must be 1 finite numbers"),
        (lambda: mmzoo.Tabular("x", categories=["a"], vocabularies=[["x"], ["y"]]), "must be 1 lists"),
        (lambda: TABLE.decode({"age": "old"}), "Column 'age' of input 'row' must be a number, not 'old'"),
        (lambda: TABLE.decode([1, 2]), "must be a mapping"),
        (lambda: mmzoo.Tabular("x", numbers=["a"]).decode({"a": 1}), "call spec = spec.fit"),
    ],
)
def test_wrong_tables(make: Any, words: str) -> None:
    with pytest.raises(MMZooError, match=words):
        make()


def test_a_table_trains_through_the_whole_package(tmp_path: Any) -> None:
    """Unfitted in the spec, fitted by `train`, kept by the folder: the age alone tells who lives."""
    rng = np.random.default_rng(0)
    ages = rng.uniform(0, 80, 200)
    rows = [{"age": age if k % 7 else None, "port": "SCQ"[k % 3]} for k, age in enumerate(ages)]
    records = mmzoo.Records({"row": rows, "alive": [bool(age > 40) for age in ages]})
    table = mmzoo.Tabular("row", numbers=["age"], categories=["port"], tower=mmzoo.Tower("mlp", hidden=[16]))
    spec = mmzoo.Spec([table], "concat", [mmzoo.Binary("alive")], dim=16)
    settings = mmzoo.Training(epochs=15, learning_rate=1e-2)
    run = mmzoo.train(spec, records, records, training=settings, out=tmp_path / "run")
    assert run.evaluate(records)["metrics"]["accuracy"] > 0.85
    assert run.predict({"row": {"age": 70, "port": "S"}})["alive"]["yes"] > 0.8
    assert run.spec.inputs[0].means
