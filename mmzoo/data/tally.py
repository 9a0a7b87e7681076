"""How many records could not be used, by cause: as `mmzoo.data.faults.Faults` counts, in memory that does not grow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from mmzoo.aliases import Raw
from mmzoo.data.faults import SHOWN, Faults, allowed
from mmzoo.errors import DataError, require

Row = dict[str, Raw]


class Counted(TypedDict):
    """A tally as plain data."""

    records: int
    counts: dict[str, int]
    first: dict[str, list[list[str]]]


class PieceTally(Counted):
    """What was counted in a piece of a table: its faults, the columns that it has, and what was done about faults."""

    own: list[str]
    on_error: str


@dataclass
class Tally:
    """The faults so far.

    Args:
        first: by cause, the first records and what is wrong with them.
    """

    on_error: str
    budget: float
    records: int = 0
    bad: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, list[list[str]]] = field(default_factory=dict)

    def add(self, found: Counted) -> None:
        """Add what `tally_of` has found of some records."""
        self.records += found["records"]
        self.bad += sum(found["counts"].values())
        self.counts.update(found["counts"])
        for cause, named in found["first"].items():
            self.first[cause] = [*self.first.get(cause, []), *named][:SHOWN]

    @property
    def counted(self) -> Counted:
        """It as plain data, which `add` takes."""
        return {"records": self.records, "counts": dict(self.counts), "first": self.first}

    def check(self, most: int | None = None) -> None:
        """Raise if more are bad than the budget allows.

        Args:
            most: as many records as there will be, or more; the work goes on then while that allows it.
        """
        require(
            self.bad <= allowed(self.budget, max(most or 0, self.records)),
            f"{self.table()}\nThat is over the budget of {self.budget:.2%}; mend the records or raise the budget.",
        )

    def table(self) -> str:
        """What `Faults.table` says."""
        faults = Faults(self.on_error, self.budget, records=self.records)
        for cause, named in self.first.items():
            for record, message in named:
                faults.add(record, DataError(message, cause))
        return faults.table(dict(self.counts), self.bad)


def tally_of(rows: Sequence[Mapping[str, Raw]], causes: Sequence[str]) -> Counted:
    """Plain data: the faults of some records, whose causes are "" where there is none."""
    counts = Counter(cause for cause in causes if cause)
    first: dict[str, list[list[str]]] = {}
    for row, cause in zip(rows, causes, strict=True):
        if cause and len(first.setdefault(cause, [])) < SHOWN:
            first[cause].append([str(row["id"]), str(row["error"])])
    return {"records": len(rows), "counts": dict(counts), "first": first}
