"""Records that know what their columns are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmzoo.data.lazy.columns import Chosen, Column, T
from mmzoo.data.records import Records


class Table(Records):
    """Records that know what their columns are. Where a cell cannot be used, the column holds a `DataError`.

    kinds: by column, "image", "audio", "video" or "sensor" (paths, or what such files hold), "text", "number",
        "category", "ignore", or "other", which no input reads.
    written: the cells as they are in the source, by column; the columns themselves, if not given.
    places: where each record stands: "line 7"; its id, if not given.
    told: the columns whose kinds were not guessed.
    notes: what is to be said of a column.
    remarks: what of that was said when it was guessed what the column is.
    forms: how the cells of a column are written where they do not say it one by one, see
        `mmzoo.data.schema.guessed.form_of`.
    levels: of a column whose type says their order, its categories, lowest first.
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[object]],
        ids: Sequence[str],
        kinds: dict[str, str],
        *,
        written: Mapping[str, Sequence[object]] | None = None,
        places: Sequence[str] = (),
        told: Sequence[str] = (),
        notes: Mapping[str, str] | None = None,
        note: str = "",
        forms: Mapping[str, str] | None = None,
        remarks: Mapping[str, str] | None = None,
        levels: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(columns, ids)
        self.kinds, self.told, self.notes, self.note = kinds, frozenset(told), dict(notes or {}), note
        self.forms, self.remarks, self.levels = dict(forms or {}), dict(remarks or {}), dict(levels or {})
        self.written = written if written is not None else self.columns
        self.places: Sequence[str] = places if isinstance(places, Column) else list(places) or self.ids

    @property
    def tells_parts(self) -> bool:
        """Does a column `split` say which record is for what? Not if it was said what that column is."""
        return "split" in self.columns and "split" not in self.told

    def select(self, positions: Sequence[int] | np.ndarray) -> Table:
        """The records at `positions`, in that order, as a table of these alone."""
        chosen = Chosen(positions)
        apart = self.written is not self.columns
        return Table(
            {name: chosen.of(column) for name, column in self.columns.items()},
            chosen.of(self.ids),
            self.kinds,
            written={name: chosen.of(column) for name, column in self.written.items()} if apart else None,
            places=chosen.of(self.places),
            told=sorted(self.told),
            forms=self.forms,
            levels=self.levels,
        )

    def without(self, names: Sequence[str]) -> Table:
        """The same records without some of the columns."""

        def kept(columns: Mapping[str, T]) -> dict[str, T]:
            return {name: column for name, column in columns.items() if name not in names}

        written = None if self.written is self.columns else kept(self.written)
        return Table(
            kept(self.columns),
            self.ids,
            kept(self.kinds),
            written=written,
            places=self.places,
            told=sorted(self.told),
            notes=self.notes,
            note=self.note,
            forms=self.forms,
            remarks=self.remarks,
            levels=self.levels,
        )


@dataclass(frozen=True)
class Source:
    """Records by split ("train", "validation", "test"; "all" where it is not split), and what their columns are.

    label: the column to be predicted; "" where it was not said.
    notes: what is to be said of a column.
    note: what is to be said of all of it.
    """

    name: str
    splits: dict[str, Records]
    kinds: dict[str, str]
    label: str = ""
    notes: dict[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def inputs(self) -> dict[str, str]:
        """The kinds of the columns that a model could read: not the label, nor what names records or splits them."""
        apart = ("id", "split", self.label)
        return {name: kind for name, kind in self.kinds.items() if kind != "ignore" and name not in apart}
