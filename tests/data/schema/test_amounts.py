"""Numbers with bounds, powers of ten and in parts, times of day: what most cells of a column say, and what is told."""

from __future__ import annotations

import re
from datetime import timedelta

import numpy as np
import pytest

import mmzoo
from mmzoo.data.guess import explained_spec
from mmzoo.data.schema.guessed import guess
from mmzoo.errors import MMZooError
from mmzoo.modalities.tabular.clock import duration_of, time_of
from mmzoo.modalities.tabular.dates import date_of

RANDOM = np.random.default_rng(0)
VALUES = RANDOM.uniform(0.1, 99, 60).round(1).tolist()
WHOLE = RANDOM.integers(1, 24, 60).tolist()


def column(cells: list[str], name: str = "x") -> tuple[str, str, list[object], str]:
    """The kind, format and values of a column of a table, and what is told of it."""
    table = mmzoo.read_table({name: cells, "y": ["a", "b"] * (len(cells) // 2)})
    return table.kinds[name], table.forms.get(name, ""), [*table.columns[name]], table.notes.get(name, "")


@pytest.mark.parametrize(
    ("cells", "numbers", "told"),
    [
        ([f"<{5}" if v < 5 else f"{v}" for v in VALUES], [max(v, 5) for v in VALUES], "'<5', which is taken for 5"),
        ([f"> {90}" if v > 90 else f"{v}" for v in VALUES], [min(v, 90) for v in VALUES], "such as '> 90'"),
        ([f"<={9} mg/L" if v < 9 else f"{v} mg/L" for v in VALUES], [max(v, 9) for v in VALUES], "such as '<=9 mg/L'"),
        ([f"~{v}" for v in VALUES], VALUES, "60 such as"),
        (
            [f"{v:.0f}" if v < 50 else "50+" for v in VALUES],
            [min(round(v), 50) for v in VALUES],
            "'50+', which is taken for 50",
        ),
        ([f"${v}M" for v in VALUES], [v * 1e6 for v in VALUES], "M' is"),
        (
            [f"${v}M" if v > 50 else f"${v * 10:.0f}K" for v in VALUES],
            [v * 1e6 if v > 50 else round(v * 10) * 1e3 for v in VALUES],
            "M' is",
        ),
        (
            [f"{v:.0f}k" if v > 50 else f"{v:.0f}" for v in VALUES],
            [round(v) * (1e3 if v > 50 else 1) for v in VALUES],
            "k' is",
        ),
        ([f"{v} Mio. \N{EURO SIGN}".replace(".", ",", 1) for v in VALUES], [v * 1e6 for v in VALUES], "is "),
        ([f"\N{INDIAN RUPEE SIGN}{v} lakh" for v in VALUES], [v * 1e5 for v in VALUES], "is "),
        ([f"{v} bn USD" for v in VALUES], [v * 1e9 for v in VALUES], "is "),
        ([f"{v} m" for v in VALUES], VALUES, "is "),  # metres
        ([f"{v} km" for v in VALUES], VALUES, "is "),
        ([f"{v} K" for v in VALUES], VALUES, "is "),  # kelvins
        ([f"{v} kg" if v > 30 else f"{1000 * v:.0f} g" for v in VALUES], VALUES, " kg"),
        ([f"{v}GB" if v < 70 else f"{v / 1000:.4f} TB" for v in VALUES], VALUES, " GB"),
        ([f"{v} ft" if v > 30 else f'{12 * v:.1f}"' for v in VALUES], VALUES, " ft"),
        ([f"{v:.0f} {v:.0f}/100" for v in VALUES], [round(v) * 1.01 for v in VALUES], "is "),
        ([f"{n}/32" for n in WHOLE], [n / 32 for n in WHOLE], "/32' is"),
        (
            [f"{v:.0f} {'1/2' if v > 50 else '3/4'}" for v in VALUES],
            [round(v) + (0.5 if v > 50 else 0.75) for v in VALUES],
            "is ",
        ),
        ([str(timedelta(seconds=1000 * v)) for v in VALUES], [1000 * v for v in VALUES], "lengths of time"),
        ([f"0 days {timedelta(seconds=7 * n)}" for n in WHOLE], [7 * n for n in WHOLE], "lengths of time"),
        ([f"{n}:{n + 30}" for n in WHOLE[:40]] + ["31:00"] * 4, [61 * n + 30 for n in WHOLE[:40]] + [1860] * 4, ""),
        ([f"{n}h {n}m" if n > 2 else f"{n}h" for n in WHOLE], [3660 * n - (60 * n if n < 3 else 0) for n in WHOLE], ""),
        ([*map(str, VALUES[:50]), *["unknown"] * 10], [*VALUES[:50], *[None] * 10], "10 cells say nothing ('unknown')"),
        ([*map(str, VALUES[:50]), *["#DIV/0!"] * 10], [*VALUES[:50], *[None] * 10], "10 cells say nothing"),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(cells: list[str], numbers: list[float | None], told: str) -> None:
    kind, form, found, note = column(cells)
    assert kind == "number"
    wanted = [np.nan if each is None else each for each in numbers]
    np.testing.assert_allclose([np.nan if each is None else each for each in found], wanted, rtol=1e-9)
    assert told in note
    item = mmzoo.Tabular("row", numbers=["x"], forms=[form]).fit([{"x": each} for each in cells])
    np.testing.assert_allclose([item.decode({"x": each})[0] for each in cells], wanted, rtol=1e-6)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["<=50K", ">50K"] * 30, "category"),  # of the census: two classes and no number
        (["<30", ">30", "NO"] * 20, "category"),
        (["18-24", "25-34", "35-44", "55+"] * 15, "category"),
        (["$5", "\N{EURO SIGN}7"] * 30, "category"),
        ([f"{100 + n}/{60 + n}" for n in WHOLE], "category"),  # blood pressures
        (["unknown", "small", "tall"] * 20, "category"),
        ([f"{n}.{n}.{n}" for n in WHOLE], "category"),
    ],
)
def test_what_is_no_number(cells: list[str], kind: str) -> None:
    assert column(cells)[0] == kind


def test_several_currencies_are_told_and_never_one() -> None:
    kind, _, found, note = column([f"{'$' if n % 2 else chr(8364)}{v}" for n, v in enumerate(VALUES)])
    assert kind == "text" and isinstance(found[0], str)
    assert "several units" in note and "$" in note and "\N{EURO SIGN}" in note


@pytest.mark.parametrize(
    ("cells", "name", "kind"),
    [
        ([f"{n:02d}:{n + 30}" for n in WHOLE], "x", "date"),
        ([f"{n}:05 PM" if n > 6 else f"{n + 6} am" for n in np.array(WHOLE) // 2 + 1], "x", "date"),
        ([f"{n:02d}:{n + 30}:00" for n in WHOLE], "x", "date"),
        ([f"{n % 6:02d}:{n + 30}:00" for n in WHOLE], "x", "number"),
        ([f"{n % 9 + 1}:{n + 30}" for n in WHOLE], "x", "number"),
        ([f"{n % 9 + 1}:{n + 30}" for n in WHOLE], "opening_time", "date"),
        ([f"{n:02d}:{n + 30}" for n in WHOLE], "duration", "number"),
        ([f"{n + 9}:{n + 30}" for n in WHOLE], "x", "number"),
    ],
)
def test_times_of_day_and_lengths_of_time(cells: list[str], name: str, kind: str) -> None:
    found, form, values, note = column(cells, name)
    assert (found, form) == (kind, "time" if kind == "date" else "duration")
    assert len(set(values)) == len(set(cells))
    other = re.search(rf"--kind ({name}=\S+)", note)
    if other is None:  # AM and PM, or an hour that no day has
        return
    asked, _, told = other[1].partition("=")[2].partition(":")
    table = mmzoo.read_table({name: cells, "y": ["a", "b"] * 30}, kinds={name: f"{asked}:{told}"})
    assert table.kinds[name] == asked != kind
    assert not [each for each in table.columns[name] if not isinstance(each, (float, str))]


def test_a_time_of_day_is_an_hour_and_no_date() -> None:
    """Told by its fraction of a day; midnight stands beside 23:59 in the towers by a sine and a cosine."""
    cells = ["00:00", "06:30", "12:00", "23:59", "NA", "unknown"]
    item = mmzoo.Tabular("row", dates=["at"], forms=["time"]).fit([{"at": each} for each in cells])
    found = [item.decode({"at": each})[0] for each in cells]
    np.testing.assert_allclose(found[:4], [0, 6.5 / 24, 0.5, 0.99], atol=1e-6)
    assert np.isnan(found[4:]).all()
    assert item.decode({"at": "2024-05-31T06:30"})[0] == pytest.approx(6.5 / 24)
    assert item.rebuilding().readable(item.decode({"at": "06:30"})) == {"at": "06:30"}
    with pytest.raises(MMZooError, match="must be a date"):
        item.decode({"at": "25:00"})


def test_clocks_by_hand() -> None:
    for text, hour, minute in [("12:05 AM", 0, 5), ("12 p.m.", 12, 0), ("1:59pm", 13, 59), ("23:00:59.5", 23, 0)]:
        assert time_of(text) == (hour, minute)
    assert not any(map(time_of, ["24:00", "13:00 PM", "0 AM", "7", "7:5", "a:bc", ""]))
    for text, seconds in [("1:02:33", 3753), ("2h 50m", 10200), ("1 hour, 5 min 2 s", 3902), ("-0:30", -30),
                          ("1:02.5", 62.5), ("1 days 00:00:01", 86401), ("90 min", 5400), ("1.5h", 5400)]:  # fmt: skip
        assert duration_of(text) == seconds
    assert not any(
        each is not None for each in map(duration_of, ["", "1:99", "h", "5 kg", "1:2:3:4", "9" * 99 + ":00"])
    )
    assert date_of("14:35") is None, "without the format no date has a time alone"


def test_codes_with_a_unit_are_amounts() -> None:
    """What is written with a unit, a separator or a power of ten is no identifier, however different its cells are."""
    for cells in ([f"{7 * n}k" for n in range(60)], [f"{n}kg" for n in range(60)], [f"{n}/64" for n in range(64)]):
        assert guess(cells, "id_weight").kind == "number"


@pytest.mark.parametrize("cells", [["1", "2", "3", "4", "5+"] * 30, ["1/10", "3/10", "8/10"] * 30])
def test_labels_keep_the_text_that_they_are_written_with(cells: list[str]) -> None:
    table = mmzoo.read_table({"x": RANDOM.normal(size=len(cells)), "y": cells})
    spec, records, _ = explained_spec(table, "y")
    assert set(spec.tasks[0].answer_names) == set(cells)
    assert list(records.column("y")) == cells


def test_amounts_are_labels_of_a_regression() -> None:
    cells = [f"${v}M" for v in VALUES]
    spec, records, lines = explained_spec(mmzoo.read_table({"x": RANDOM.normal(size=60), "y": cells}), "y")
    assert spec.tasks[0].kind == "regression"
    np.testing.assert_allclose(records.column("y"), [v * 1e6 for v in VALUES])
    assert any("M' is" in line and line.startswith("y: regression") for line in lines)
