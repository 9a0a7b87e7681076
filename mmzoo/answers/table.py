"""The answers to a table, as a file that is written beside, gone on with after a kill, and then renamed."""

from __future__ import annotations

import hashlib
import logging
import math
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from mmzoo.aliases import Raw
from mmzoo.answers.formats import check_ending, check_free, write_rows
from mmzoo.answers.part import PartFile
from mmzoo.answers.rows import Row, RowMaker
from mmzoo.data.readers import reader_of
from mmzoo.data.readers.base import CellReader
from mmzoo.data.rereading import Piece, Reread
from mmzoo.data.tally import Tally, tally_of
from mmzoo.errors import require
from mmzoo.files import open_plain
from mmzoo.modalities.files import reading
from mmzoo.spec import Spec
from mmzoo.truncation import count_truncations

MEMORY = 2**26
"""Bytes of decoded examples that are computed at a time."""
MOST, LEAST = 1024, 16
"""Records of a piece."""


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


def rows_at_a_time(spec: Spec) -> int:
    """How many records are computed at a time: it depends on the model alone, since numbers depend on it a little."""
    size = sum(math.prod(item.shape) * 8 for item in spec.inputs)
    return max(LEAST, min(MOST, MEMORY // max(size, 1)))


def pieces(source: Raw, reread: Reread) -> Iterator[Piece]:
    """The records of a source by pieces of at most twice `rows_at_a_time`; what is missing from it is said once."""
    said = False
    for piece in reread.pieces(source, rows_at_a_time(reread.spec)):
        if not said and piece.missing:
            logging.getLogger("mmzoo").warning(
                "The records have no column %s, so that %s taken for missing in all of them.",
                ", ".join(f"'{column}'" for column in piece.missing),
                "it is" if len(piece.missing) == 1 else "they are",
            )
        said = True
        yield piece


def answers_in_memory(maker: RowMaker, reread: Reread, source: Raw, budget: float) -> list[Row]:
    """The answers to records, a row each, with all columns."""
    tally, found = Tally(maker.on_error, budget), list[Row]()
    columns: list[str] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool, tqdm(unit="record", disable=None, leave=False, delay=2.0) as bar:
        for piece in pieces(source, reread):
            columns = columns or maker.names([*piece.own])
            rows, causes = maker.rows(piece, pool)
            tally.add(tally_of(rows, causes))
            found += ({column: row.get(column) for column in columns} for row in rows)
            bar.update(len(rows))
    tally.check()
    if tally.bad:
        print(tally.table())
    require(found, "There are no records; give at least one.")
    return found


def write_answers(
    maker: RowMaker, reread: Reread, source: str, out: Path, *, model: str, budget: float, overwrite: bool = False
) -> Written:
    """Answer a table into a file; one that was begun and stopped is gone on with, and ends with the same bytes.

    Args:
        model: what tells the model from others, such as the seal of its card.
        overwrite: may a file that is there be replaced?

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
    # Where nothing was wrong it does not matter what would have been done about it.
    part = PartFile(
        out, about, anew=overwrite, fits=lambda each: not each["counts"] or each["on_error"] == maker.on_error
    )
    try:
        kept, tally = part.records, answer_rest(maker, reread, source, part, budget)
        tally.check()
        require(part.records, f"The table '{source}' has no records.")
        columns = maker.names(list(dict.fromkeys(name for each in part.tallies for name in each["own"])))
        apostrophes = write_rows(out, columns, part.rows)
        part.remove()
    except KeyboardInterrupt:
        said = f"{part.records:,} answers are kept in '{part.path}'; the same command goes on there"
        raise KeyboardInterrupt(f"interrupted; {said}") from None
    finally:
        part.close()
    seconds = time.monotonic() - begun
    table = tally.table() if tally.bad else ""
    return Written(out, tally.records, tally.bad, kept, seconds, apostrophes, table)


def answer_rest(maker: RowMaker, reread: Reread, source: str, part: PartFile, budget: float) -> Tally:
    """Add the answers that a part does not have yet; what was counted in all of them."""
    tally = Tally(maker.on_error, budget)
    for each in part.tallies:
        tally.add(each)
    reader = reader_of(source)
    most = reader.most_records(source) if isinstance(reader, CellReader) else None
    done = len(part.tallies)
    with ExitStack() as inside:
        pool = inside.enter_context(ThreadPoolExecutor(os.cpu_count()))
        bar = inside.enter_context(
            tqdm(total=most, initial=part.records, desc="answers", unit="record", disable=None, leave=False)
        )
        for item in maker.spec.inputs:
            inside.enter_context(count_truncations(item.name, item.kind, most or 0))
        for piece in islice(pieces(source, reread), done, None):
            if not tally.records:
                maker.names([*piece.own])  # before anything is computed
            rows, causes = maker.rows(piece, pool)
            found = {**tally_of(rows, causes), "own": [*piece.own], "on_error": maker.on_error}
            tally.add(found)
            tally.check(most)
            part.append(rows, found)
            bar.update(len(rows))
    return tally


def fingerprint(source: str) -> str:
    """What tells a table from others, and from itself before it was changed."""
    path = Path(source)
    path = path / "index.json" if path.is_dir() else path
    if not path.exists():
        return source  # a data set by its name
    with reading(f"The table '{source}'"):
        handle, _ = open_plain(path)
        with os.fdopen(handle, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
