"""Tables: statistics, places, missing numbers and unseen categories."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.errors import MMZooError
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


def test_numbers_are_normalised_and_missing_ones_flagged() -> None:
    values, there = Numbers(TABLE)(np.stack([TABLE.decode(row) for row in ROWS]))
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
