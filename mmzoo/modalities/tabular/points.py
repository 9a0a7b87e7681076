"""Plain numbers whose points may stand between thousands: "3.432" beside "958"."""

from __future__ import annotations

import re

from mmzoo.aliases import Raw
from mmzoo.modalities.tabular.amounts import number_in

GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")
SMALL = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,2})")

ENOUGH = 20
"""Different numbers with three decimals from which it is no chance that none ends in 0, if zeros are dropped."""


class Points:
    """Do the points of plain numbers stand between thousands? Counted one by one, in memory that does not grow.

    They do where all have three digits behind them and other numbers, all below 1000, have none: "3.432" beside "958".
    Decimals that are rounded to three digits are all written with them, or else without the zeros at their end.
    """

    def __init__(self) -> None:
        self.refused = self.zeros = False
        self.grouped = self.small = 0
        self.first = ""

    def add(self, value: Raw) -> None:
        """A cell that is a number."""
        if self.refused:
            return
        text = value.strip() if isinstance(value, str) else ""
        if GROUPED.fullmatch(text):
            self.first = self.first or text
            self.grouped += 1
            self.zeros |= text.endswith("0")
        elif SMALL.fullmatch(text):
            self.small += 1
        else:
            self.refused = True

    def format(self, column: str) -> tuple[str, str]:
        """As `NumbersWritten.format`; what could be either is taken for decimals, and that is said."""
        if self.refused or self.grouped < 2:
            return "", ""
        if self.small > 1 and (self.zeros or self.grouped >= ENOUGH):
            said = f"'{self.first}' is {number_in(self.first, ','):.10g}"
            return ",", f"{said}, where the point is no decimal mark; else --kind {column}=number:."
        return "", f"'{self.first}' is {float(self.first):.10g}; else --kind {column}=number:,"
