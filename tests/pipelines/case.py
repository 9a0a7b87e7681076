"""A work without a model, and a pipeline without Beam: the same units, one after another in this process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmzoo.errors import DataError
from mmzoo.pipelines.beam import Pipeline, compute
from mmzoo.pipelines.units import Units


@dataclass(frozen=True)
class Squares:
    """The squares of numbers up to a count; each computing is noted in a file, and one of them may be bad."""

    count: int
    notes: Path
    bad: int = -1

    def units(self, numbers: range) -> Iterator[tuple[dict[str, Any], bytes]]:
        for number in numbers:
            if number == self.bad:
                raise DataError(f"Record '{number}': It is bad.", "bad_number")
            if number >= self.count:
                return
            with open(self.notes, "a") as file:
                file.write(f"{number}\n")
            yield {"number": number}, str(number**2).encode()


class InProcess(Pipeline):
    """Units are computed as a worker of Beam does it."""

    def _compute(self, work: Any, units: Units, todo: list[range]) -> None:
        for part in todo:
            compute((part.start, part.stop), work, units)
