"""A point in "3.432" stands between thousands where the rest of its column says so, and else it is told."""

from __future__ import annotations

import numpy as np
import pytest

import mmzoo
from mmzoo.data.guess import explained_spec
from mmzoo.data.schema.guessed import guess

RANDOM = np.random.default_rng(0)
AMOUNTS = [int(each) for each in RANDOM.integers(200, 4000, 300)]
GERMAN = [f"{each:,}".replace(",", ".") for each in AMOUNTS]
MEASURED = RANDOM.normal(14, 1, 300).round(3)


@pytest.mark.parametrize(
    ("cells", "form", "says"),
    [
        (GERMAN, ",", "where the point is no decimal mark; else --kind u=number:."),
        ([f"-{each}" for each in GERMAN], ",", "where the point is no decimal mark"),
        (GERMAN[:1] * 3 + ["200.5"], "", ""),
        ([f"{each:.3f}" for each in MEASURED], "", "else --kind u=number:,"),
        ([f"{each:g}" for each in MEASURED], "", ""),
        ([f"{each / 10:.3f}" for each in MEASURED / 14], "", ""),  # 0.123
        ([*MEASURED], "", ""),
        (["1.125", "2.375", "3", "4"] * 10, ",", "is 1125"),
        (["1.125", "2.375", "1000", "4"] * 10, "", ""),
    ],
)
def test_points_between_thousands(cells: list[object], form: str, says: str) -> None:
    found = guess(cells, "u")
    assert (found.kind, found.form) == ("number", form)
    assert says in found.note and bool(says) == bool(found.note)


def test_of_inputs_and_of_labels() -> None:
    """The numbers are the amounts that were written."""
    table = mmzoo.read_table({"u": GERMAN, "v": GERMAN[::-1], "w": RANDOM.normal(size=300)})
    spec, records, lines = explained_spec(table, "u")
    assert records.column("u") == AMOUNTS
    (line,) = [line for line in lines if line.startswith("u: regression")]
    assert "where the point is no decimal mark" in line
    (item,) = spec.fit(records).inputs
    assert [float(item.decode(row)[0]) for row in records.column("row")] == AMOUNTS[::-1]
    told = mmzoo.read_table({"u": GERMAN, "v": GERMAN}, kinds={"u": "number:."})
    assert told.columns["u"][:5] == [float(cell) for cell in GERMAN[:5]]


@pytest.mark.parametrize(
    ("units", "said"),
    [(["kg", "m"], "(kg, m)"), (["€", "$"], "(€, $)"), (["a", "b", "c", "d", "e"], "(a, b, c, d ...)"), (["kg"], "")],
)
def test_several_units_are_told(units: list[str], said: str) -> None:
    found = guess([f"{amount} {units[k % len(units)]}" for k, amount in enumerate(AMOUNTS)], "u")
    assert found.kind == ("text" if said else "number")
    assert (f"numbers with several units {said}; written in one they are a number" == found.note) == bool(said)
    assert "units" not in guess([f"{k} bottles of beer on the {k} wall" for k in range(50)], "u").note
