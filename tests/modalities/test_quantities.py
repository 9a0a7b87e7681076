"""Units of one quantity are one another's multiples, as scipy has them; others are not."""

from __future__ import annotations

import itertools

import pytest
from scipy import constants

from mmzoo.modalities.tabular.amounts import apart, number_in
from mmzoo.modalities.tabular.units import factor, known, quantity_of

SAME = {
    ("lb", "g"): constants.lb * 1000,
    ("oz", "kg"): constants.oz,
    ("in", "mm"): constants.inch * 1000,
    ("ft", "m"): constants.foot,
    ("yd", "ft"): constants.yard / constants.foot,
    ("mi", "km"): constants.mile / 1000,
    ("GiB", "B"): constants.gibi,
    ("TB", "MB"): constants.tera / constants.mega,
    ("kWh", "Wh"): constants.kilo,
    ("µm", "mm"): constants.micro / constants.milli,
    ("\N{GREEK SMALL LETTER MU}g", "mg"): constants.micro / constants.milli,
}


@pytest.mark.parametrize(("pair", "wanted"), SAME.items())
def test_how_many_of_another(pair: tuple[str, str], wanted: float) -> None:
    assert factor(*pair) == pytest.approx(wanted)
    assert factor(*pair[::-1]) == pytest.approx(1 / wanted)


def test_what_measures_something_else_is_none() -> None:
    for one, other in itertools.product(known(), known()):
        assert (factor(one, other) is None) == (quantity_of(one) != quantity_of(other))
    assert factor("EUR", "USD") is None and factor("EUR", "EUR") == 1.0
    assert factor("°C", "K") is None  # no multiple


def test_all_of_them_can_be_read() -> None:
    """Each behind a number; none is taken for a power of ten."""
    for unit in known():
        found = apart(f"5 {unit}")
        assert found is not None and (found.unit, found.power) == (unit, 0), unit


@pytest.mark.parametrize(
    ("text", "form", "wanted"),
    [("500 g", ".kg", 0.5), ("1,5 km", ",m", 1500.0), ("2", ".kg", 2.0), ("2 m", ".kg", None), ("$2", ".€", None)],
)
def test_a_cell_of_another_unit(text: str, form: str, wanted: float | None) -> None:
    assert number_in(text, form) == wanted
