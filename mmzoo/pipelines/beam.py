"""The units of a work computed by Apache Beam, on this machine or on a thousand, by any of its runners.

Beam only hands out stretches of numbers. What is computed is written by the workers into a folder that all machines
share (`mmzoo.pipelines.units`), so that it does not depend on the runner whether a work can be gone on with, whether a
unit is there once, and in which order units are read.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from tqdm import tqdm

from mmzoo.aliases import Untyped
from mmzoo.errors import MMZooError, require
from mmzoo.files.folders import held
from mmzoo.messages.words import one_line
from mmzoo.pipelines.units import END, Facts, Units

LEAST, EACH = 128, 4
"""Into so many stretches a work is cut at least, if it has as many units, and for each worker that the options name.
More are shared more evenly, but a worker reads the table up to each of its own."""


class Work(Protocol):
    """What can be computed in units, anywhere: plain data, which is pickled for the workers."""

    def units(self, numbers: range) -> Iterable[tuple[Facts, bytes]]:
        """What is computed of consecutive units, in order; fewer where the records end before.

        Raises:
            MMZooError: it cannot be computed, which trying again would not change.
        """


@dataclass(frozen=True)
class Pipeline:
    """Where units are computed.

    Args:
        runner: of Beam: DirectRunner, FlinkRunner, SparkRunner, DataflowRunner ...
        options: of that runner, NAME=VALUE each, or NAME alone.
    """

    runner: str = "DirectRunner"
    options: tuple[str, ...] = ()

    def run(
        self, work: Work, units: Units, numbers: range, *, fits: Callable[[Facts], bool] = lambda _: True
    ) -> Iterator[tuple[Facts, bytes]]:
        """What is computed of units, in order up to the end of the records; what is there already is not made again.

        Args:
            units: where it is kept; begun.
            fits: of the facts of one that is there, whether it is as it would be computed now.

        Raises:
            MMZooError: the extra is missing, an option is none of the runner's, or a unit cannot be computed; what was
                computed is kept, and the same call goes on there.
        """
        with held(units.folder, "command"):
            todo = [*units.missing(numbers, max(1, len(numbers) // self.stretches), fits)]
            if todo:
                self._compute(work, units, todo)
                units.raise_failed()
            for number in numbers:
                found = units.read(number)
                if found is None:
                    raise MMZooError(f"Unit {number} is missing in '{units.folder}'; give the same command again.")
                if found[0] == END:
                    return
                yield found

    @property
    def stretches(self) -> int:
        """Into how many stretches a work is cut."""
        pairs = (option.split("=") for option in self.options)
        counts = (pair[1] for pair in pairs if len(pair) == 2 and ("workers" in pair[0] or "parallelism" in pair[0]))
        return max([LEAST, *(EACH * int(count) for count in counts if count.isdigit())])

    def _compute(self, work: Work, units: Units, todo: list[range]) -> None:
        beam, options = self._beam()
        count = sum(map(len, todo))
        try:
            with watched(units, count), beam.Pipeline(runner=self.runner, options=options) as pipeline:
                stretches = pipeline | "stretches" >> beam.Create([(part.start, part.stop) for part in todo])
                _ = stretches | beam.Reshuffle() | "compute" >> beam.Map(compute, work, units)
        except Exception as error:
            units.raise_failed()
            words = one_line(str(error).strip().rpartition("\n")[2] or error, 300)
            raise MMZooError(
                f"The pipeline on {self.runner} has failed ({type(error).__name__}: {words}); what was computed is "
                f"kept in '{units.folder}', and the same command goes on there."
            ) from error

    def _beam(self) -> tuple[Untyped, Untyped]:
        """Beam, and the options of the pipeline."""
        try:
            import apache_beam as beam
            from apache_beam.options.pipeline_options import PipelineOptions
        except ImportError as error:
            raise MMZooError("--runner needs Apache Beam; install it: pip install 'mmzoo[beam]'.") from error
        told = [f"--{option.removeprefix('--')}" for option in self.options]
        options = PipelineOptions(told, runner=self.runner)
        known = options.get_all_options()
        for option in told:
            name = option[2:].partition("=")[0]
            require(
                name in known or name.removeprefix("no_") in known,
                f"Apache Beam has no option called '{name}'; see the page of {self.runner} in Beam's documentation.",
            )
        return beam, options


def compute(stretch: tuple[int, int], work: Work, units: Units) -> None:
    """Compute the units of a stretch on a worker; that one cannot be computed is told, and not tried again."""
    number = stretch[0]
    if units.has_failed():
        return
    try:
        units.check_seen()
        while number < stretch[1] and units.has(number):  # by a worker that was stopped, or that is only slow
            number += 1
        for facts, data in work.units(range(number, stretch[1])) if number < stretch[1] else ():
            units.write(number, facts, data)
            number += 1
            if units.has_failed():
                return
        for behind in range(number, stretch[1]):
            units.write(behind, END, b"")
    except MMZooError as error:
        if not units.folder.is_dir():
            raise
        units.fail(error)


@contextmanager
def watched(units: Units, count: int) -> Iterator[None]:
    """Inside, a bar says how many of so many units are there."""
    ended = threading.Event()
    before = entries(units)

    def watch() -> None:
        with tqdm(total=count, desc="units", unit="unit", disable=None, leave=False, delay=2.0) as bar:
            while not ended.wait(1.0):
                bar.update(min(count, entries(units) - before) - bar.n)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(5.0)


def entries(units: Units) -> int:
    """How many files are in a folder of units."""
    return sum(1 for _ in os.scandir(units.folder))
