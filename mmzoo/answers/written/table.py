"""The answers to a table, as a file that is written beside, gone on with after a kill, and then renamed."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from mmzoo.aliases import Raw
from mmzoo.answers.pieces import Made, fingerprint, made, most_records
from mmzoo.answers.rows.answered import Row, RowMaker
from mmzoo.answers.written.formats import check_ending, check_free, write_rows
from mmzoo.answers.written.part import PartFile
from mmzoo.answers.written.spread import Spread
from mmzoo.data.rereading import Reread
from mmzoo.data.tally import PieceTally, Tally
from mmzoo.errors import require
from mmzoo.messages.truncation import count_truncations
from mmzoo.pipelines.units import Units


@dataclass(frozen=True)
class Written:
    """What was written: how many answers, how many records had faults, how many answers were there already."""

    path: Path
    records: int
    bad: int
    kept: int
    seconds: float
    apostrophes: int
    table: str


def answers_in_memory(maker: RowMaker, reread: Reread, source: Raw, budget: float) -> list[Row]:
    """The answers to records, a row each, with all columns."""
    tally, found = Tally(maker.on_error, budget), list[Row]()
    columns: list[str] = []
    with tqdm(unit="record", disable=None, leave=False, delay=2.0) as bar:
        for rows, counted in made(maker, reread, source):
            columns = columns or maker.names(counted["own"])
            tally.add(counted)
            found += ({column: row.get(column) for column in columns} for row in rows)
            bar.update(len(rows))
    tally.check()
    if tally.bad:
        print(tally.table())
    require(found, "There are no records; give at least one.")
    return found


def write_answers(
    maker: RowMaker,
    reread: Reread,
    source: str,
    out: Path,
    *,
    model: str,
    budget: float,
    overwrite: bool = False,
    spread: Spread | None = None,
) -> Written:
    """Answer a table into a file; one that was begun and stopped is gone on with, and ends with the same bytes.

    Args:
        model: what tells the model from others, such as the seal of its card.
        overwrite: may a file that is there be replaced?
        spread: where else rows are made; here, if not given.

    Raises:
        MMZooError: a record cannot be used, more are bad than the budget allows, there is a file already, or it cannot
            be written; what was written is kept, and gone on with by the same call.
    """
    begun = time.monotonic()
    check_ending(out)
    check_free(out, overwrite=overwrite)
    about = {
        "table": fingerprint(source),
        "model": model,
        **maker.about,
        "own": reread.own,
        "layout": reread.layout.to_json(),
        "options": reread.options.pairs,
    }

    def fits(tally: PieceTally) -> bool:
        """Where nothing was wrong it does not matter what would have been done about it."""
        return not tally["counts"] or tally["on_error"] == maker.on_error

    part = PartFile(out, about, anew=overwrite, fits=fits)
    units = Units.beside(out, about)
    try:
        kept, done = part.records, len(part.tallies)
        if spread is None:
            found = made(maker, reread, source, done)
        else:
            units.begin(anew=overwrite)
            found = spread.made(maker, done, units, fits)
        tally = answer_rest(maker, source, found, part, budget)
        tally.check()
        require(part.records, f"The table '{source}' has no records.")
        columns = maker.names(list(dict.fromkeys(name for each in part.tallies for name in each["own"])))
        apostrophes = write_rows(out, columns, part.rows)
        part.remove()
        if spread is not None:
            units.remove()
    except KeyboardInterrupt:
        said = f"{part.records:,} answers are kept in '{part.path}'; the same command goes on there"
        raise KeyboardInterrupt(f"interrupted; {said}") from None
    finally:
        part.close()
    seconds = time.monotonic() - begun
    table = tally.table() if tally.bad else ""
    return Written(out, tally.records, tally.bad, kept, seconds, apostrophes, table)


def answer_rest(maker: RowMaker, source: str, found: Made, part: PartFile, budget: float) -> Tally:
    """Add the answers that a part does not have yet; what was counted in all of them."""
    tally = Tally(maker.on_error, budget)
    for each in part.tallies:
        tally.add(each)
    most = most_records(source)
    with ExitStack() as inside:
        inside.enter_context(closing(found))
        bar = inside.enter_context(
            tqdm(total=most, initial=part.records, desc="answers", unit="record", disable=None, leave=False)
        )
        for item in maker.spec.inputs:
            inside.enter_context(count_truncations(item.name, item.kind, most or 0))
        for rows, counted in found:
            tally.add(counted)
            tally.check(most)
            part.append(rows, counted)
            bar.update(len(rows))
    return tally
