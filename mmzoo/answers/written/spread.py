"""The rows of a table that are made on other machines, a piece a unit, as they would be made here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from mmzoo.answers.pieces import Made, fingerprint, made, most_records, pieces, rows_at_a_time
from mmzoo.answers.rows.answered import RowMaker
from mmzoo.answers.written.part import as_lines, rows_of
from mmzoo.data.rereading import Reread
from mmzoo.data.tally import PieceTally
from mmzoo.errors import require
from mmzoo.pipelines.beam import Pipeline
from mmzoo.pipelines.units import Units


@dataclass(frozen=True)
class Rows:
    """The work of making the rows of a table, of which each piece is a unit; a `mmzoo.pipelines.beam.Work`.

    Args:
        digest: the table's `fingerprint`.
    """

    opened: Callable[[], RowMaker]
    reread: Reread
    source: str
    digest: str

    def units(self, numbers: range) -> Iterator[tuple[PieceTally, bytes]]:
        require(
            fingerprint(self.source) == self.digest,
            f"The table '{self.source}' is another one on a worker; it has to lie in a folder that all workers share.",
        )
        for rows, tally in islice(made(self.opened(), self.reread, self.source, numbers.start), len(numbers)):
            yield tally, as_lines(rows)


@dataclass(frozen=True)
class Spread:
    """Rows that are made elsewhere than here.

    Args:
        pipeline: where.
        opened: gives a worker its maker, and raises where that is not ours.
        source, reread: the table by its whole path, and how it is read.
    """

    pipeline: Pipeline
    opened: Callable[[], RowMaker]
    source: str
    reread: Reread

    def made(self, maker: RowMaker, start: int, units: Units, fits: Callable[[PieceTally], bool]) -> Made:
        """What `mmzoo.answers.pieces.made` gives, made elsewhere.

        Args:
            maker: ours.
            start: so many pieces are there.
            units: where it is kept; begun.
            fits: of what was counted in a piece that is there, whether it is as it would be made now.
        """
        for piece in islice(pieces(self.source, self.reread), 1):
            maker.names([*piece.own])  # before anything is computed
        most, rows = most_records(self.source), rows_at_a_time(self.reread.spec)
        if most is None:
            most = rows * sum(1 for _ in self.reread.pieces(self.source, rows))
        work = Rows(self.opened, self.reread, self.source, fingerprint(self.source))
        count = most // rows + 2  # the last one to see that there is none; a file may have small pieces, and more
        while True:
            end = max(count, start + 1)
            for tally, lines in self.pipeline.run(work, units, range(start, end), fits=fits):
                yield rows_of(lines), tally
                start += 1
            if start < end:
                return
            count *= 2
