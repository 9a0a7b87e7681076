"""A table by pieces of some records, and the rows that are made of each."""

from __future__ import annotations

import hashlib
import logging
import math
import os
from collections import defaultdict
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from mmzoo.aliases import Raw
from mmzoo.answers.rows.answered import Row, RowMaker
from mmzoo.data.readers import reader_of
from mmzoo.data.readers.base import CellReader
from mmzoo.data.rereading import Piece, Reread
from mmzoo.data.schema.told import names_of
from mmzoo.data.tally import PieceTally, tally_of
from mmzoo.errors import DataError
from mmzoo.files import open_plain
from mmzoo.messages.words import one_line
from mmzoo.modalities.files import reading
from mmzoo.modalities.tabular import Tabular
from mmzoo.modalities.tabular.rows import UNKNOWN
from mmzoo.spec import Spec

MEMORY = 2**26
"""Bytes of decoded examples that are computed at a time."""
MOST, LEAST = 1024, 16
"""Records of a piece."""
LOOKED_AT = 200
"""Records of the first piece, whose categories are looked at."""


Made = Generator[tuple[list[Row], PieceTally], None, None]
"""The rows of each piece of a table, and what was counted in it."""


def rows_at_a_time(spec: Spec) -> int:
    """How many records are computed at a time: it depends on the model alone, since numbers depend on it a little."""
    size = sum(math.prod(item.shape) * 8 for item in spec.inputs)
    return max(LEAST, min(MOST, MEMORY // max(size, 1)))


def pieces(source: Raw, reread: Reread, start: int = 0) -> Iterator[Piece]:
    """The records of a source by pieces of at most twice `rows_at_a_time`; what is missing from it is said once.

    Args:
        start: so many pieces are passed over.
    """
    said = False
    for piece in reread.pieces(source, rows_at_a_time(reread.spec), start):
        if not said and piece.missing:
            logging.getLogger("mmzoo").warning(
                "The records have no column %s, so that %s taken for missing in all of them.",
                names_of([f"'{column}'" for column in piece.missing]),
                "it is" if len(piece.missing) == 1 else "they are",
            )
        if not said:
            for line in unknown_words(piece, reread.spec):
                logging.getLogger("mmzoo").warning("%s", line)
        said = True
        yield piece


def unknown_words(piece: Piece, spec: Spec) -> list[str]:
    """Of each column most of whose cells are categories that the model does not know: that they are so."""
    lines = []
    for item in (each for each in spec.inputs if isinstance(each, Tabular)):
        rows = [row for row in list(piece.records.column(item.name))[:LOOKED_AT] if isinstance(row, dict)]
        unknown: dict[str, list[Raw]] = defaultdict(list)
        for row in rows if item.categories else ():
            with suppress(DataError):  # said where it is decoded
                places = item.decode(row)[len(item.numbers) :]
                for column, place in zip(item.categories, places, strict=False):
                    if place == UNKNOWN:
                        unknown[column].append(row[column])
        lines += [
            f"In column '{column}' {len(found)} of {len(rows)} cells are no categories that the model knows, such as "
            f"'{one_line(found[0], 40)}'; they are taken for a rare one."
            for column, found in unknown.items()
            if len(found) > len(rows) / 2
        ]
    return lines


def made(maker: RowMaker, reread: Reread, source: Raw, start: int = 0) -> Made:
    """What a maker makes of a table, without so many pieces of its beginning."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, piece in enumerate(pieces(source, reread, start)):
            if not number:
                maker.names([*piece.own])  # before anything is computed
            rows, causes = maker.rows(piece, pool)
            yield rows, {**tally_of(rows, causes), "own": [*piece.own], "on_error": maker.on_error}


def most_records(source: str) -> int | None:
    """As many records as a table has, or some more; None where that takes reading it."""
    reader = reader_of(source)
    return reader.most_records(source) if isinstance(reader, CellReader) else None


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
