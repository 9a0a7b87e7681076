"""Tables: statistics, places, missing numbers and unseen categories."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.errors import DataError, MMZooError
from mmzoo.modalities.tabular.days import days_of, parts_of_days
from mmzoo.towers import towers
from mmzoo.towers.columns import DateParts, PiecewiseLinear
from tests.zoo import make_input, tower_spec, value

ROWS = [
    {"age": 20, "fare": "7.5", "port": "S"},
    {"age": None, "fare": 10.0, "port": "C"},
    {"age": 40, "fare": float("nan"), "port": "S"},
    {"age": float("inf"), "fare": "", "port": None, "extra": 1},
]
TABLE = mmzoo.Tabular("row", numbers=["age", "fare"], categories=["port"]).fit(ROWS)


def test_quantiles_and_vocabularies() -> None:
    assert [{*each} for each in TABLE.quantiles] == [{20, 40}, {7.5, 10}]
    assert TABLE.vocabularies == (("S", "C"),), "the most frequent first"
    assert TABLE.fit(ROWS[:1]) == TABLE, "what is fitted stays"
    assert mmzoo.Tabular("x", categories=["port"]).fit(ROWS).unfitted == ""
    assert {*mmzoo.Tabular("x", numbers=["constant"]).fit([{"constant": 3}] * 4).quantiles[0]} == {3}
    many = [{"zip": f"{k % 60}"} for k in range(119)]
    fitted = mmzoo.Tabular("x", categories=["zip"]).fit(many)
    assert "59" not in fitted.vocabularies[0], "of many categories, one that was seen once is unknown"
    assert [fitted.decode({"zip": zip_})[0] for zip_ in ("59", "other")] == [1, 1]


def test_quantiles_are_the_share_below() -> None:
    """The mean of the bins, of equal weight, is what scikit-learn's QuantileTransformer gives."""
    from sklearn.preprocessing import QuantileTransformer

    values = np.random.default_rng(0).lognormal(sigma=2, size=(5000, 1))
    table = mmzoo.Tabular("x", numbers=["a"]).fit([{"a": value} for value in values[:, 0]])
    bins, _, _ = PiecewiseLinear(table.quantiles)(values.astype(np.float32))
    wanted = QuantileTransformer(n_quantiles=33, subsample=None).fit(values).transform(values)
    np.testing.assert_allclose(np.mean(bins, axis=-1), wanted, atol=2e-3)


def test_piecewise_linear_encoding() -> None:
    """The formula of the paper, bin by bin; a step a value where these are few, and nothing of what is constant."""
    layer = PiecewiseLinear([[0, 1, 3, 7], [0, 0, 1, 1], [5, 5, 5, 5]])
    x = np.random.default_rng(0).uniform(-2, 9, (50, 3)).astype(np.float32)
    bins, values, there = layer(x)
    for t, (low, high) in enumerate([(0, 1), (1, 3), (3, 7)]):
        np.testing.assert_allclose(bins[:, 0, t], np.clip((x[:, 0] - low) / (high - low), 0, 1), atol=1e-6)
    np.testing.assert_allclose(bins[:, 1], np.stack([np.clip(x[:, 1], 0, 1), *[np.zeros(50)] * 2], axis=1), atol=1e-6)
    np.testing.assert_array_equal(bins[:, 2], 0)
    np.testing.assert_array_equal(np.asarray(values)[:, 2], 0)
    order = np.argsort(x[:, 0])
    assert (np.diff(np.asarray(values)[order, 0]) >= 0).all(), "values rise with the number"
    assert (np.diff(np.asarray(bins)[order, 0], axis=0) >= 0).all()
    assert np.asarray(there).all()


@pytest.mark.parametrize("quantiles", [[-1e30, 0, 1e30], [0, 1e-45, 1e-44], [1e30] * 2, [-1e30, -1e30, 1e-30]])
def test_no_number_makes_another_infinite(quantiles: list[float]) -> None:
    x = np.array([[3e38], [-3e38], [1e30], [-1e29], [np.inf], [-np.inf], [np.nan], [0], [1e-45]], np.float32)
    bins, values, there = PiecewiseLinear([quantiles])(x)
    assert np.isfinite(bins).all()
    assert (np.abs(values) <= 3).all()
    assert np.asarray(there)[[4, 5, 6], 0].tolist() == [0, 0, 0]


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


def test_missing_numbers_are_flagged() -> None:
    _, values, there = PiecewiseLinear(TABLE.quantiles)(np.stack([TABLE.decode(row)[:2] for row in ROWS]))
    np.testing.assert_array_equal(there, [[1, 1], [0, 1], [1, 0], [0, 0]])
    np.testing.assert_array_equal(np.asarray(values)[np.asarray(there) == 0], 0)


def test_the_calendar_in_the_graph() -> None:
    """Every part of dates over the years 1 to 9999, against Python's own calendar."""
    minutes = np.random.default_rng(0).integers(-270 * 365 * 1440, 270 * 365 * 1440, 3000)
    moments = [datetime(2000, 1, 1) + timedelta(minutes=int(each)) for each in minutes]
    moments += [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59), datetime(2000, 2, 29, 23, 59), datetime(1900, 3, 1)]
    days = np.array([days_of(moment) for moment in moments], np.float32)
    parts, waves = DateParts()(days[:, None])
    wanted = [[each.year, each.month, each.day, each.weekday()] for each in moments]
    np.testing.assert_array_equal(np.asarray(parts)[:, :4], wanted)
    hours = np.array([each.hour + each.minute / 60 for each in moments[:3000]])
    np.testing.assert_allclose(np.asarray(parts)[:3000, 4], np.minimum(hours, 0.99 * 24), atol=0.2)
    np.testing.assert_allclose(parts, parts_of_days(days.astype(np.float64)), atol=1e-3)
    season = [(each - datetime(each.year - (each.month < 3), 3, 1)).days for each in moments[:3000]]
    np.testing.assert_allclose(np.asarray(waves)[:3000, 4], np.sin(2 * np.pi * np.array(season) / 365.2425), atol=0.02)
    parts, waves = DateParts()(np.array([[np.nan]], np.float32))
    assert (np.asarray(parts) > 1e30).all()
    assert not np.asarray(waves).any()


def test_dates_are_days() -> None:
    table = mmzoo.Tabular("x", dates=["on"], quantiles=[[0, 1]] * 6)
    noon = datetime(2024, 5, 31, 12)
    same = ["2024-05-31 12:00", " 2024-05-31T14:00:00.123+02:00 ", "2024-05-31T12:00Z", np.datetime64(noon, "ns")]
    assert [table.decode({"on": value}).tolist() for value in (noon, *same)] == [[8917.5]] * 5
    assert table.decode({"on": date(2024, 5, 31)}).tolist() == [8917]
    for wrong in ("2024-02-30", "2024", "2024-05-31T25:00", "0001-01-01T00:00+02:00", "x" * 9999, 8917):
        with pytest.raises(DataError, match="must be a date"):
            table.decode({"on": wrong})
    table = mmzoo.Tabular("x", dates=["on"]).fit([{"on": f"20{k:02d}-05-{k + 1:02d}"} for k in range(20)])
    assert table.decode({"on": "2024-05-31"}).tolist() == [8917]
    assert np.isnan(table.decode({"on": "NA"})).all()
    with pytest.raises(DataError, match="'on' of input 'x' must be a date such as 2024-05-31 or") as caught:
        table.check({"on": "soon"})
    assert caught.value.cause == "bad_date"


def test_several_categories_in_a_cell() -> None:
    rows = [{"genre": "Drama, Crime"}, {"genre": ["Drama"]}, {"genre": " Crime ,"}, {"genre": None}, {"genre": "Drama"}]
    table = mmzoo.Tabular("x", multi_categories=["genre"]).fit(rows)
    assert (table.delimiters, table.vocabularies) == ((",",), (("Drama", "Crime"),))
    found = [table.decode(row).tolist() for row in rows[:3]]
    assert found == [[0, 1, 1], [0, 1, 0], [0, 0, 1]]
    assert table.decode({"genre": "War, Drama"}).tolist() == [1, 1, 0], "a word that was never seen"
    assert table.decode({"genre": []}).tolist() == [0, 0, 0]
    assert np.isnan(table.decode({"genre": "NA"})).all()
    with pytest.raises(DataError, match="must be a text or a number, not dict"):
        table.decode({"genre": [{}]})


def test_places_belong_to_columns() -> None:
    """What is lost, mixed or explained is a column, whatever number of places it has."""
    table = replace(make_input("tabular", "mlp"), name="row")
    assert table.columns == ("age", "size", "colour", "born", "likes")
    assert table.owners.tolist() == [0, 1, 2, 3, 4, 4, 4]
    examples = np.stack([table.decode(value("tabular", 0))] * 50)
    lost = table.corruptions["gaps"].apply([], examples, 0.5, np.random.default_rng(0), table)
    gone = np.isnan(lost[:, 4:])
    assert (gone.all(axis=1) | ~gone.any(axis=1)).all()
    assert 0 < gone[:, 0].mean() < 1


@pytest.mark.parametrize("tower", towers.names(serves="tabular"))
def test_the_order_of_columns_and_what_is_unknown(tower: str) -> None:
    """A row's own order does not matter, and each column's missing cell gives another answer than what is there."""
    keras.utils.set_random_seed(0)
    spec = tower_spec(tower, "tabular")
    model, item = mmzoo.build(spec), spec.inputs[0]
    row = value("tabular", 0)
    rows = [row, dict(reversed(row.items())), *({**row, column: None} for column in item.columns)]
    batch = {"x": np.stack([item.decode(each) for each in rows]), "present": np.ones((len(rows), 1), bool)}
    answers = np.asarray(model(batch)["animal"])
    np.testing.assert_array_equal(answers[0], answers[1])
    for k, column in enumerate(item.columns, start=2):
        assert np.abs(answers[0] - answers[k]).max() > 1e-4, column


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
        (lambda: mmzoo.Tabular("x", numbers=["a"], quantiles=[[1, 2]] * 2), "must be 1 lists of numbers"),
        (lambda: mmzoo.Tabular("x", numbers=["a"], quantiles=[[2, 1]]), "must rise"),
        (lambda: mmzoo.Tabular("x", numbers=["a"], quantiles=[[1]]), "2 to 1024 numbers"),
        (lambda: mmzoo.Tabular("x", numbers=["a"], quantiles=[[1, float("nan")]]), "quantiles"),
        (lambda: mmzoo.Tabular("x", multi_categories=["a"], delimiters=[""]), "at least one character"),
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
    assert run.spec.inputs[0].quantiles


@pytest.mark.long
def test_heavy_tails_hide_nothing(tmp_path: Any) -> None:
    """Who lives is in the middle third of a number over twelve orders of magnitude, which boosted trees see too."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    numbers = np.random.default_rng(0).lognormal(sigma=5, size=(600, 1))
    low, high = np.quantile(numbers, [1 / 3, 2 / 3])
    alive = (numbers[:, 0] > low) & (numbers[:, 0] < high)
    rows = [{"fare": float(number)} for number in numbers[:, 0]]
    train, test = (
        mmzoo.Records({"row": rows[part], "alive": alive[part].tolist()}) for part in (slice(400), slice(400, 600))
    )
    spec = mmzoo.Spec([mmzoo.Tabular("row", numbers=["fare"])], "concat", [mmzoo.Binary("alive")], dim=16)
    settings = mmzoo.Training(epochs=20, learning_rate=1e-2)
    run = mmzoo.train(spec, train, test, training=settings, out=tmp_path / "run")
    trees = HistGradientBoostingClassifier(random_state=0).fit(numbers[:400], alive[:400])
    assert run.evaluate(test)["metrics"]["accuracy"] > trees.score(numbers[400:], alive[400:]) - 0.03


def test_what_training_lacked_says_nothing() -> None:
    """The vectors of missing and unknown cells are zeros until there are some to learn from."""
    item = make_input("tabular", "mlp")
    layers = {each.name: each for each in mmzoo.build(tower_spec("mlp", "tabular"))._flatten_layers()}
    vectors = np.asarray(layers["x.category_vectors"].vectors)
    assert not vectors[:2].any()
    assert np.abs(vectors[2:]).max() > 0.1
    assert len(vectors) == sum(item.sizes)
    for name, weight in (("number_vectors", "missing"), ("date_vectors", "missing"), ("word_vectors0", "missing")):
        assert not np.asarray(getattr(layers[f"x.{name}"], weight)).any()
