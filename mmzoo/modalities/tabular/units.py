"""Units of one quantity, and how many of one another one is: among kilograms "500 g" is 0.5."""

from __future__ import annotations

from functools import cache

PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "m": 1e-3, "µ": 1e-6, "n": 1e-9, "c": 1e-2, "d": 1e-1}
POUND, INCH = 453.59237, 0.0254  # grams, metres (international yard and pound agreement of 1959)

PREFIXED = {
    "mass": ("g", "k m µ"),
    "length": ("m", "k d c m µ n"),
    "volume": ("l", "d c m µ"),
    "power": ("W", "k M G m"),
    "energy": ("Wh", "k M G"),
    "heat": ("J", "k M"),
    "frequency": ("Hz", "k M G"),
    "voltage": ("V", "k m"),
    "current": ("A", "m µ"),
    "data": ("B", "k M G T"),
    "data rate": ("bps", "k M G"),
    "time": ("s", "m µ n"),
}
"""A unit of each quantity, and the prefixes that are written before it."""

OTHERS = {
    "mass": {"lb": POUND, "lbs": POUND, "oz": POUND / 16, "mcg": 1e-6, "kgs": 1e3, "gm": 1.0, "gms": 1.0, "gr": 1.0},
    "length": {
        **dict.fromkeys(("in", "inch", "inches", '"'), INCH),
        **dict.fromkeys(("ft", "foot", "feet", "'"), 12 * INCH),
        **dict.fromkeys(("yd", "yard", "yards"), 36 * INCH),
        **dict.fromkeys(("mi", "mile", "miles"), 63360 * INCH),
        **dict.fromkeys(("meter", "meters", "metre", "metres"), 1.0),
    },
    "volume": {"L": 1.0, "ML": 1e-3, "mL": 1e-3, "cL": 1e-2, "dL": 1e-1, "ltr": 1.0, "liter": 1.0, "litre": 1.0},
    "data": {"KB": 1e3, "Kb": 1e3, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40},
    "frequency": {"KHz": 1e3, "Khz": 1e3, "khz": 1e3, "Mhz": 1e6, "mhz": 1e6, "Ghz": 1e9, "ghz": 1e9, "hz": 1.0},
    "power": {"kw": 1e3, "KW": 1e3, "Kw": 1e3},
    "energy": {"kwh": 1e3, "KWh": 1e3, "KWH": 1e3},
}
"""Other names and units of them, and how many of the first one they are."""


@cache
def known() -> dict[str, tuple[str, float]]:
    """By unit its quantity, and how many of the first unit of that it is."""
    found = {
        prefix + unit: (quantity, PREFIXES[prefix])
        for quantity, (unit, prefixes) in PREFIXED.items()
        for prefix in ("", *prefixes.split())
    }
    found |= {unit: (quantity, factor) for quantity, units in OTHERS.items() for unit, factor in units.items()}
    return found | {unit.replace("µ", "μ"): each for unit, each in found.items()}  # the Greek letter, too


def quantity_of(unit: str) -> str:
    """What a unit measures; of one that is not known the unit itself."""
    return known().get(unit, (unit, 1.0))[0]


def factor(unit: str, other: str) -> float | None:
    """How many of `other` one of `unit` is; None where they do not measure the same, or nobody knows."""
    if unit == other:
        return 1.0
    (quantity, one), (theirs, many) = known().get(unit, ("", 1.0)), known().get(other, ("", 1.0))
    return one / many if quantity and quantity == theirs else None
