"""A table read as another one was: by the columns and kinds that a model was trained on, some records at a time."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.data.readers import reader_of
from mmzoo.data.readers.base import CellReader
from mmzoo.data.readers.frames import as_cell
from mmzoo.data.records import Records
from mmzoo.data.schema.layout import Layout
from mmzoo.data.schema.options import Options, check_root, home_of
from mmzoo.data.schema.told import names_of
from mmzoo.data.tables.cells import Cells
from mmzoo.data.tables.labels import holds, label_of
from mmzoo.data.tables.reading import Converter, as_written, told_form
from mmzoo.errors import DataError, MMZooError, require, unknown
from mmzoo.messages.words import one_line
from mmzoo.modalities.tabular.cells import is_missing, number_of, says_nothing, text_of
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task


@dataclass(frozen=True)
class Piece:
    """Some records of a table.

    Args:
        records: under the names of the spec's inputs, and of its tasks where labels were asked for.
        own: the table's own columns that were asked for, as they are written in it.
        missing: the columns that the model was trained on and that are not here.
    """

    records: Records
    own: dict[str, list[Raw]]
    missing: list[str]

    def __len__(self) -> int:
        """How many records it has."""
        return len(self.records)


def table_name(source: Raw) -> str:
    """How a table is called: by the name of its file; "table" in memory."""
    return one_line(Path(source).name) if isinstance(source, (str, Path)) else "table"


@dataclass(frozen=True)
class Reread:
    """How tables are read for a spec.

    Args:
        options: how they are read, where that was said: of kinds, root, encoding, and the delimiter of labels.
        own: the names of the table's own columns that are wanted beside; all of them if it is ("*",).
        labels: are the labels wanted too?
    """

    spec: Spec
    layout: Layout
    options: Options = field(default_factory=Options)
    own: tuple[str, ...] = ()
    labels: bool = False

    def pieces(self, source: Raw, rows: int, start: int = 0) -> Iterator[Piece]:
        """The records of a source, about `rows` at a time.

        Args:
            start: so many pieces are passed over.
            source: a table's file, shards or another name; a table in memory; or `Records` under the spec's own names.

        Raises:
            MMZooError: it cannot be read, or has none of the columns that an input reads.
        """
        if isinstance(source, Records):
            yield from islice(self._of_records(source, rows, "The records"), start, None)
            return
        source = str(source) if isinstance(source, Path) else source
        reader = reader_of(source, sheet=self.options.sheet)  # which others that are read so may not have
        if isinstance(reader, CellReader):
            root = check_root(self.options.root or home_of(source))
            for cells in reader.pieces(source, rows, self.options.encoding, start):
                yield self._of_cells(cells, root)
            return
        splits = reader.open(source, Options()).splits.values()
        found = (piece for records in splits for piece in self._of_records(records, rows, f"'{source}'"))
        yield from islice(found, start, None)

    def piece(self, rows: Sequence[Mapping[str, object] | DataError], places: list[str], name: str) -> Piece:
        """Records that come one by one: each is read as if it were alone, whatever columns others have.

        Args:
            rows: their cells by column, or by the names of inputs; or what is wrong with a record.
            places: where each stands: "line 7".
            name: how an error calls what they come from.
        """
        wanted = [*self.layout.kinds, *(self.layout.tasks.values() if self.labels else ()), "id"]
        columns: dict[str, list[Raw]] = {column: [None] * len(rows) for column in wanted}
        found: dict[tuple[str, ...], dict[str, str]] = {}
        for place, row in enumerate(rows):
            cells = row if isinstance(row, DataError) else self._spread(row, places[place])
            if isinstance(cells, DataError):
                for values in columns.values():
                    values[place] = cells
                continue
            keys = (*cells,)
            found.setdefault(keys, {**self.layout.found_in(keys), "id": "id"})
            for column, key in found[keys].items():
                if column in columns:
                    columns[column][place] = cells.get(key)
        piece = self._of_cells(Cells(name, columns, places), check_root(self.options.root or Path()))
        for several in self._rows(piece.records.columns):
            own = self.layout.inputs[several]
            piece.records.columns[several] = [
                value if any(columns[column][place] is not None for column in own) else None
                for place, value in enumerate(piece.records.columns[several])
            ]
        return piece

    def _spread(self, row: Mapping[str, object], where: str) -> dict[str, Raw] | DataError:
        """The cells of a record by column, also of inputs of several columns that stand in one of their own name."""
        cells = {str(key): as_cell(value) for key, value in row.items()}
        for name in self._rows(cells):
            value, columns = cells.pop(name), self.layout.inputs[name]
            if value is None:
                continue
            if not isinstance(value, Mapping) or value.keys() - columns:
                said = f"Input '{name}' is an object of the columns {', '.join(columns)} and their cells in {where}"
                return DataError(f"{said}; mend it.", "bad_row")
            cells |= value
        return cells

    def _of_cells(self, cells: Cells, root: Path) -> Piece:
        count = len(cells.places)
        found = self._found(cells.name, [*cells.columns])
        kinds = {**self.layout.kinds, **dict.fromkeys(self._rows(cells.columns), "ignore")}
        told = {column for column, kind in self.options.kinds.items() if kind == "text"}
        reader = Converter(root, self.options.allow_outside, cells.places)
        columns: dict[str, Sequence[object]] = {}
        forms = {column: form for item in self.spec.inputs for column, form in item.cell_forms.items()}
        for column, kind in kinds.items():
            if (here := found.get(column, column)) not in cells.columns:
                continue
            written = self._written(cells, here)
            empty = is_missing if column in told else says_nothing
            there = [None if empty(value) else value for value in written]
            columns[column] = reader.each(here, kind, there, self._told_form(column) or forms.get(column, ""))
        return Piece(
            self._records(columns, found, cells.columns, count, self._ids(cells), cells.places),
            {column: self._written(cells, column) for column in self._own(cells.name, [*cells.columns])},
            [column for column in self.layout.kinds if column not in columns],
        )

    def _of_records(self, records: Records, rows: int, name: str) -> Iterator[Piece]:
        found = self._found(name, [*records.columns])
        own = self._own(name, [*records.columns])
        for start in range(0, len(records), rows):
            part = records.select(range(start, min(start + rows, len(records))))
            there = {ours: part.columns[theirs] for ours, theirs in found.items() if ours in self.layout.kinds}
            named = {name: part.columns[name] for name in self.spec.input_names if name in part.columns}
            missing = [
                column
                for name, columns in self.layout.inputs.items()
                for column in columns
                if column not in there and name not in named
            ]
            yield Piece(
                self._records({**there, **named}, found, part.columns, len(part), part.ids, part.ids),
                {column: list(part.columns[column]) for column in own},
                missing,
            )

    def _rows(self, columns: Container[str]) -> list[str]:
        """The inputs that have several columns and stand in one of their own name, as mappings."""
        return [item.name for item in self.spec.inputs if not item.in_column and item.name in columns]

    def _found(self, name: str, there: list[str]) -> dict[str, str]:
        found = self.layout.found_in(there)
        wanted = [column for column in self.layout.kinds if column in found]
        if not wanted and not {*self.spec.input_names} & {*there}:
            raise MMZooError(
                f"{name} has none of the columns that the model reads ({names_of([*self.layout.kinds])}), but "
                f"{', '.join(there[:20])}; rename its columns, or give another table."
            )
        return found

    def _own(self, name: str, there: list[str]) -> list[str]:
        if self.own == ("*",):
            return [column for column in there if column != "id"]
        for column in self.own:
            if column not in there:
                raise unknown(f"column in {name[0].lower()}{name[1:]} called", column, there)
        return [column for column in self.own if column != "id"]  # which stands there by itself

    @staticmethod
    def _ids(cells: Cells) -> list[str]:
        ids = cells.columns.get("id", [None] * len(cells.places))
        fits = [not is_missing(value) and not isinstance(value, DataError) for value in ids]
        return [text_of(value) if fit else place for value, fit, place in zip(ids, fits, cells.places, strict=True)]

    @staticmethod
    def _written(cells: Cells, column: str) -> list[Raw]:
        pairs = zip(cells.columns[column], cells.places, strict=True)
        return [as_written(column, value, where) for value, where in pairs]

    def _records(
        self,
        columns: dict[str, Sequence[object]],
        found: dict[str, str],
        there: Mapping[str, Sequence[Raw]],
        count: int,
        ids: Sequence[str],
        places: Sequence[str],
    ) -> Records:
        made = self.layout.gathered(columns, self.spec, count)
        made |= {name: columns[name] for name in self.spec.input_names if name in columns}
        for task in self.spec.tasks if self.labels else ():
            if task.target != "label":
                continue
            column = self.layout.tasks[task.name]
            found = {column: task.name, **found} if task.name in there else found
            require(
                column in found,
                f"The table has no column '{column}', which has the labels of task '{task.name}'; add it, or ask for "
                "answers alone (mmzoo predict).",
            )
            values = there[found[column]]
            made[task.name] = [
                self._label(task, column, value, where) for value, where in zip(values, places, strict=True)
            ]
        return Records(made, ids)

    def _told_form(self, column: str) -> str:
        """How a column is written, where that was said."""
        return self.options.kinds.get(column, "").partition(":")[2]

    def _label(self, task: Task, column: str, value: Raw, where: str) -> Raw:
        """A label as its task takes it, a `DataError` where it cannot be read; None where there is none."""
        form = (self._told_form(column) or self.layout.forms.get(task.name, "")) if isinstance(value, str) else ""
        value = value if isinstance(value, (list, tuple, np.ndarray)) else as_written(column, value, where)
        between = self.options.delimiter
        if holds(task.kind) == "classes":
            between, form = between or form, ""
        label = label_of(column, value, where, True, between)
        odd = False
        if form and isinstance(label, str) and label not in task.answer_names:
            written = number_of(label, form)
            odd, label = written is None, label if written is None else text_of(written)
        if isinstance(label, str) and holds(task.kind) == "number":
            number = None if odd else number_of(label)
            said = (
                f"Column '{column}' has '{label[:40]}' in {where}, where a number should be; mend it, or say how it is "
                f"written ({told_form(column, form)})."
            )
            return None if says_nothing(label) else number if number is not None else DataError(said, "bad_label")
        if task.tags.texts:
            return label
        if isinstance(label, str) and says_nothing(label) and label not in task.answer_names:
            return None
        return label
