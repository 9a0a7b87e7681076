"""What a shard keeps of each record of a source, found on other machines, some records a unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias, TypedDict

from mmzoo.aliases import Raw
from mmzoo.data.schema.options import TableName
from mmzoo.data.shards.kept import Here, Kept, Prepared
from mmzoo.data.sources import absolute, open_source
from mmzoo.data.table import Source
from mmzoo.errors import require
from mmzoo.pipelines.beam import Pipeline
from mmzoo.pipelines.units import Units

UNIT = 64
"""Records of a unit: so many are in memory."""
RowFacts: TypeAlias = tuple[str, str, dict[str, bool], dict[str, Raw], list[list[str]], int | None]
"""The fields of a `Kept`, of its frame only the length; a list where JSON was between."""


class UnitFacts(TypedDict):
    """What is told of the records of a unit beside their frames."""

    rows: list[RowFacts]
    on_error: str


@dataclass(frozen=True)
class Reading:
    """The work of finding what is kept of the records of a source; a `mmzoo.pipelines.beam.Work`.

    Args:
        source: its name, with how it is read.
        count: of its records.
    """

    source: str
    kinds: dict[str, str]
    on_error: str
    prepared: Prepared
    count: int

    def units(self, numbers: range) -> Iterator[tuple[UnitFacts, bytes]]:
        here = Here(opened(self.source), self.kinds, self.on_error, self.prepared)
        same = len(here) == self.count and self.kinds.items() <= here.source.kinds.items()
        require(same, f"'{self.source}' is another source on a worker; it has to lie where all workers see it.")
        for number in numbers:
            rows = [here[row] for row in range(UNIT * number, min(UNIT * number + UNIT, self.count))]
            facts: list[RowFacts] = [
                (
                    each.record,
                    each.split,
                    each.there,
                    each.values,
                    each.bad,
                    None if each.frame is None else len(each.frame),
                )
                for each in rows
            ]
            yield {"rows": facts, "on_error": self.on_error}, b"".join(each.frame or b"" for each in rows)


class Elsewhere:
    """All records of a source, each as it is kept, found by a pipeline; to be asked for in order.

    Args:
        pipeline: where.
        here: the same, found here.
        units: where what is found is kept; begun.
        start: the first that will be asked for.
    """

    def __init__(self, pipeline: Pipeline, here: Here, units: Units, start: int) -> None:
        self.count, self.held = len(here), dict[int, Kept]()
        first, end = start // UNIT, -(-self.count // UNIT)
        name = str(absolute(TableName.parse(here.source.name)))
        work = Reading(name, here.kinds, here.on_error, here.prepared, self.count)

        def fits(facts: UnitFacts) -> bool:
            """Where nothing was wrong it does not matter what would have been done about it."""
            return facts["on_error"] == here.on_error or not any(bad for *_, bad, _ in facts["rows"])

        self.found = enumerate(pipeline.run(work, units, range(first, end), fits=fits), first)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, row: int) -> Kept:
        while row not in self.held:
            number, (facts, data) = next(self.found)
            self.held = {UNIT * number + k: kept for k, kept in enumerate(unpacked(facts["rows"], data))}
        return self.held[row]


def unpacked(rows: list[RowFacts], data: bytes) -> Iterator[Kept]:
    """The records of a unit."""
    place = 0
    for record, split, there, values, bad, length in rows:
        end = place + (length or 0)
        yield Kept(record, split, there, values, bad, None if length is None else data[place:end])
        place = end


@lru_cache(maxsize=1)
def opened(source: str) -> Source:
    """A source by its name, opened once in each process."""
    return open_source(source, held=False)
