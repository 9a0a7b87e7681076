"""Tables in files that are read some records at a time, again each time that they are gone through, and never held.

What the columns are is decided by all of their cells, as for a table that is held; only that these are counted while
they go by. So a table of any length takes little memory: some bytes a record, and the piece that is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.data.lazy.columns import Column
from mmzoo.data.lazy.pieces import Piece, Pieces
from mmzoo.data.readers.base import CellReader
from mmzoo.data.schema.guessed import Forms, Guess, Looks, Written, is_usable
from mmzoo.data.schema.identifiers import Different
from mmzoo.data.schema.kinds import OTHER
from mmzoo.data.schema.options import Options, check_root, home_of
from mmzoo.data.splits.parts import column_of_parts, says_parts
from mmzoo.data.table import Table
from mmzoo.data.tables.cells import Cells
from mmzoo.data.tables.reading import Converter, as_written
from mmzoo.errors import DataError, MMZooError, unknown
from mmzoo.modalities.tabular.cells import is_missing, says_nothing, text_of

ROWS = 1024
"""Records of a piece."""


def read_in_pieces(reader: CellReader, source: str, options: Options) -> Table | None:
    """The records of a file as a table whose columns are read when they are asked for, best in order.

    None where it has to be read as a whole: it is short, something is wrong with it, or its pieces could be read in
    another way than the whole.

    Raises:
        MMZooError: no cell of a column can be used, or there is no column that `options` tell of.
    """
    if options.encoding or not reader.alike(source):
        return None
    pieces = Pieces(lambda start: reader.pieces(source, ROWS, start=start))
    survey = Survey({column: Told.of(kind) for column, kind in options.kinds.items()})
    try:
        for piece in pieces.all():
            survey.add(piece.content)
    except MMZooError:
        return None  # as a whole it may be good, or else it is said in its words
    if len(pieces.starts) < 2 or not (survey.is_even or reader.ragged) or "unnamed" in survey.columns:
        return None
    return survey.table(pieces, Converting(check_root(options.root or home_of(source)), options.allow_outside))


@dataclass(frozen=True)
class Told:
    """What was said of a column: its kind and how it is written, "" where nothing was."""

    kind: str = ""
    form: str = ""

    @classmethod
    def of(cls, text: str) -> Told:
        kind, _, form = text.partition(":")
        return cls(kind, form)


@dataclass(frozen=True)
class Converting:
    """How cells become values: where files are, and whether they may be elsewhere."""

    root: Path
    allow_outside: bool

    def of(self, piece: Piece[Cells], column: str, guess: Guess, cells: Sequence[object]) -> list[Raw]:
        """The values of a column, a `DataError` in place of each that cannot be used."""
        converter = Converter(self.root, self.allow_outside, piece.content.places)
        return converter.each(column, guess.kind, cells, guess.form)


class Surveyed:
    """A column that goes by.

    Args:
        before: records that went by without it.
    """

    def __init__(self, name: str, told: Told, before: int) -> None:
        self.name, self.told = name, told
        self.looks, self.forms = Looks(name), Forms()
        self.given = [np.zeros(before, bool)]
        self.looks.records = before
        self.fault: DataError | None = None
        self.says_parts = not before
        """Does each cell say the part of a split?"""

    def cells(self, cells: Cells) -> list[Raw]:
        """Its cells in a piece as they are written."""
        values = cells.columns.get(self.name) or [None] * len(cells.places)
        return [as_written(self.name, value, where) for value, where in zip(values, cells.places, strict=True)]

    def there(self, written: Sequence[object]) -> list[Raw]:
        """Those that say something; None in place of the others."""
        # Of a column that is said to be texts a word is a text, whatever it says.
        empty = is_missing if self.told.kind == "text" else says_nothing
        return [None if empty(value) else value for value in written]

    def add(self, cells: Cells) -> None:
        """Some more records."""
        found = self.there(self.cells(cells))
        self.given.append(np.array([value is not None for value in found], bool))
        self.looks.add(found)
        self.fault = self.fault or next((value for value in found if isinstance(value, DataError)), None)
        if self.told.kind and not self.told.form:
            self.forms.add_all(found)
        self.says_parts = self.says_parts and says_parts(self.name, cells.columns.get(self.name, [None]))

    @property
    def guess(self) -> Guess | None:
        """What it is, where that can be seen already.

        Raises:
            MMZooError: none of its cells can be used.
        """
        if self.fault is not None and not self.looks.count:
            raise MMZooError(str(self.fault))
        if self.told.kind:
            return Guess(self.told.kind, "", self.told.form or self.forms.of(self.told.kind))
        return self.looks.guess


@dataclass
class Survey:
    """What can be said of a table after it has gone by.

    Args:
        told: what was said of columns.
        is_even: have all pieces the same columns?
        numbers: of the lines or rows where the records stand.
        word: "line" or "row".
        ids: what is different in the column `id`, in which `named` records have something.
    """

    told: dict[str, Told]
    columns: dict[str, Surveyed] = field(default_factory=dict)
    is_even: bool = True
    numbers: list[np.ndarray] = field(default_factory=list)
    word: str = ""
    ids: Different = field(default_factory=Different)
    named: int = 0
    count: int = 0

    def add(self, cells: Cells) -> None:
        """Some more records."""
        names = [*cells.columns]
        self.is_even &= not self.count or names == [*self.columns]
        for name in names:
            if name not in self.columns:
                self.columns[name] = Surveyed(name, self.told.get(name, Told()), self.count)
        for column in self.columns.values():
            column.add(cells)
        self.word = cells.places[0].rpartition(" ")[0]
        self.numbers.append(np.array([int(place.rpartition(" ")[2]) for place in cells.places]))
        if "id" in self.columns:
            for value in self.columns["id"].cells(cells):
                if not is_missing(value):
                    self.named += 1
                    self.ids.add(text_of(value))
        self.count += len(cells.places)

    def table(self, pieces: Pieces[Cells], converting: Converting) -> Table:
        """The table, after a second look at columns of which the first did not say enough.

        Raises:
            MMZooError: no cell of a column can be used, or there is no column of which something was said.
        """
        parts = column_of_parts(self.columns, lambda name: self.columns[name].says_parts, self.told)
        self.columns = {"split" if name == parts else name: each for name, each in self.columns.items()}
        for name in self.told:
            if name not in self.columns:
                raise unknown("column called", name, self.columns)
        guesses = {name: column.guess for name, column in self.columns.items()}
        open_ends = {name: Written(self.columns[name].looks) for name, guess in guesses.items() if guess is None}
        for piece in pieces.all() if open_ends else ():
            for name, written in open_ends.items():
                written.add(self.columns[name].there(self.columns[name].cells(piece.content)))
        known = {name: guess or open_ends[name].guess(name) for name, guess in guesses.items()}
        self._check(pieces, known, converting)
        return self._as_table(pieces, known, converting)

    def _check(self, pieces: Pieces[Cells], known: dict[str, Guess], converting: Converting) -> None:
        """Raise where no value of a column can be used, and not only because there is no decoder."""
        odd: dict[str, list[DataError]] = {
            name: [] for name, guess in known.items() if guess.kind not in ("ignore", OTHER)
        }
        for piece in pieces.all():
            for name in list(odd):
                cells = self.columns[name].there(self.columns[name].cells(piece.content))
                found = converting.of(piece, name, known[name], cells)
                if any(is_usable(value) for value in found):
                    del odd[name]
                else:
                    faults = [value for value in found if isinstance(value, DataError)]
                    odd[name] += faults[:1] + [each for each in faults[1:] if each.cause != "unread_ending"][:1]
            if not odd:
                return
        for faults in odd.values():
            if any(fault.cause != "unread_ending" for fault in faults):
                raise MMZooError(str(faults[0]))

    def _as_table(self, pieces: Pieces[Cells], known: dict[str, Guess], converting: Converting) -> Table:
        rows, everywhere = np.arange(self.count), np.ones(self.count, bool)
        numbers, given = np.concatenate(self.numbers), {}
        self.numbers.clear()
        for name, column in self.columns.items():
            given[name] = np.concatenate(column.given)
            column.given.clear()

        def written(name: str) -> Callable[[int], Raw]:
            def read(row: int) -> Raw:
                piece = pieces.of(row)
                if (made := piece.made.get((name, "written"))) is None:
                    made = piece.made[name, "written"] = self.columns[name].cells(piece.content)
                return made[row - piece.start]

            return read

        def converted(name: str) -> Callable[[int], Raw]:
            def read(row: int) -> Raw:
                piece = pieces.of(row)
                if (made := piece.made.get((name, "value"))) is None:
                    there = self.columns[name].there(self.columns[name].cells(piece.content))
                    made = piece.made[name, "value"] = converting.of(piece, name, known[name], there)
                return made[row - piece.start]

            return read

        places = Column(lambda row: f"{self.word} {numbers[row]}", rows, everywhere)
        named = len(self.ids) == self.named == self.count
        own = written("id")
        return Table(
            {name: Column(converted(name), rows, given[name]) for name in self.columns},
            Column(lambda row: text_of(own(row)), rows, everywhere) if named else places,
            {name: guess.kind for name, guess in known.items()},
            written={name: Column(written(name), rows, everywhere) for name in self.columns},
            places=places,
            told=sorted(self.told),
            forms={name: guess.form for name, guess in known.items() if guess.form},
            remarks={name: guess.note for name, guess in known.items()},
        )
