"""Cells, as they stand in a table of a user's own, to records that know what their columns are."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mmzoo.aliases import Raw
from mmzoo.data.schema.guessed import Guess, form_of, guess
from mmzoo.data.schema.kinds import OTHER, files, inputs, kind_of_path, look, plain, remedy_of, shown
from mmzoo.data.schema.options import check_root
from mmzoo.data.schema.spellings import spellings_note
from mmzoo.data.splits.parts import column_of_parts, says_parts
from mmzoo.data.table import Table
from mmzoo.data.tables.cells import Cells
from mmzoo.data.tables.nearby import files_below, missing_note, slashes_note, stems_note
from mmzoo.errors import DataError, MMZooError, unknown
from mmzoo.modalities import modalities
from mmzoo.modalities.tabular.cells import (
    LARGEST,
    is_encodable,
    is_missing,
    is_no_amount,
    number_of,
    says_nothing,
    text_of,
)
from mmzoo.modalities.tabular.dates import date_of
from mmzoo.modalities.tabular.lists import parts_of

SHOWN = 3  # words for nothing that are named

WAYS = "mend it, leave such records out (--on-error skip) or take such cells for missing (mask)"


def table_of(
    cells: Cells, root: str | Path, *, kinds: Mapping[str, str] | None = None, allow_outside: bool = False
) -> Table:
    """The records of a table of cells; see `mmzoo.data.sources.read_table`, also for what is told.

    Args:
        root: the folder that paths in the cells are relative to.
    """
    kinds = kinds or {}
    for column in kinds:
        if column not in cells.columns:
            raise unknown("column called", column, cells.columns)
    by_type = {column: kind for column, kind in cells.kinds.items() if column not in kinds}
    kinds = {**by_type, **kinds}
    reader = Converter(check_root(root), allow_outside, cells.places)
    files_below.cache_clear()  # they may be others than for the last table
    columns, written, found, notes, forms, remarks = {}, {}, {}, {}, {}, {}
    bar = tqdm(cells.columns.items(), desc="reading columns", unit="column", disable=None, leave=False, delay=2.0)
    parts = column_of_parts(cells.columns, lambda name: says_parts(name, cells.columns[name]), kinds)
    for name, values in bar:
        column = "split" if name == parts else name
        written[column] = [as_written(column, value, where) for value, where in zip(values, cells.places, strict=True)]
        told, _, form = kinds.get(column, "").partition(":")
        # Of a column that is said to be texts a word is a text, whatever it says.
        empty = is_missing if told == "text" else says_nothing
        there = [None if empty(value) else value for value in written[column]]
        faults = [value for value in there if isinstance(value, DataError)]
        if faults and len(faults) == sum(value is not None for value in there):
            raise MMZooError(str(faults[0]))
        why = "as its type says" if column in by_type else ""
        seen = Guess(told, why, form or form_of(told, there)) if told else guess(there, column)
        columns[column], found[column] = reader.converted(column, seen.kind, there, seen.form), seen.kind
        forms[column], remarks[column] = seen.form, seen.note
        said = [seen.note, words_note(written[column], columns[column]), odd_note(columns[column])]
        said += [categories_note(seen.kind, columns[column])]
        said += files_notes(reader.root, seen.kind, there, columns[column])
        notes[column] = "; ".join(filter(None, said))
    ids = [text_of(value) for value in written.get("id", []) if not is_missing(value)]
    places = cells.places
    return Table(
        columns,
        ids if len(set(ids)) == len(places) else places,
        found,
        written=written,
        places=places,
        told=sorted(kinds),
        notes={column: note for column, note in notes.items() if note},
        forms={column: form for column, form in forms.items() if form},
        remarks=remarks,
        note=cells.note,
        levels=cells.levels,
    )


def as_written(column: str, value: Raw, where: str) -> Raw:
    """A cell as one of a few types; None where it is empty, a `DataError` where its text cannot be written down."""
    if isinstance(value, DataError):
        return value
    if not isinstance(value, str):
        value = None if is_missing(value) else plain(value)
    if isinstance(value, str):
        if not value.strip():
            return None
        if not is_encodable(value):
            message = f"Column '{column}' has a zero byte or half a character in {where} ({shown(value)}); {WAYS}."
            return DataError(message, "bad_text")
    return value


def words_note(written: Sequence[object], there: Sequence[object]) -> str:
    """Which words are taken for nothing, and how often."""
    words = Counter(str(cell).strip() for cell, left in zip(written, there, strict=True) if left is None and cell)
    count = sum(words.values())
    some = ", ".join(f"'{word}'" for word, _ in words.most_common(SHOWN))
    return f"{count} {'cell says' if count == 1 else 'cells say'} nothing ({some})" if words else ""


def odd_note(values: Sequence[object]) -> str:
    """How many cells cannot be used, and what is wrong with the first."""
    odd = [value for value in values if isinstance(value, DataError)]
    return f"{len(odd)} cannot be used: {odd[0]}" if odd else ""


def categories_note(kind: str, values: Sequence[object]) -> str:
    """Which categories of a column may be one that is written in several ways."""
    if kind not in ("category", "multi_category"):
        return ""
    each = (value if isinstance(value, list) else [value] for value in values)
    return spellings_note(text for texts in each for text in texts if isinstance(text, str))


def files_notes(root: Path, kind: str, written: Sequence[object], values: Sequence[object]) -> list[str]:
    """What is to be said of the files that a column names, or seems to name."""
    if kind in files():
        return [slashes_note(written, values), missing_note(root, written, values)]
    return [stems_note(root, written)] if kind in ("ignore", "text") else []


class Converter:
    """Cells as the values of a kind, and what is wrong with those that are none.

    Args:
        root: the folder that paths are relative to, resolved.
        allow_outside: may they lead out of it?
        places: where each record stands.
    """

    def __init__(self, root: Path, allow_outside: bool, places: Sequence[str]) -> None:
        self.root, self.allow_outside, self.places = root, allow_outside, places

    def converted(self, column: str, kind: str, values: Sequence[object], form: str = "") -> list[Raw]:
        """The values of a column.

        Args:
            form: how its cells are written, see `mmzoo.data.schema.guessed.form_of`.

        Raises:
            MMZooError: none of them can be used, and not only because there is no decoder.
        """
        found = self.each(column, kind, values, form)
        faults = [value for value in found if isinstance(value, DataError)]
        whole = len(faults) == sum(value is not None for value in found)
        if (
            kind not in ("ignore", OTHER)
            and faults
            and whole
            and any(fault.cause != "unread_ending" for fault in faults)
        ):
            raise MMZooError(str(faults[0]))
        return found

    def each(self, column: str, kind: str, values: Sequence[object], form: str = "") -> list[Raw]:
        """The values of a column, a `DataError` in place of each that cannot be used."""
        if kind in ("ignore", OTHER):
            return list(values)
        found: list[Raw] = []
        made = inputs().get(kind)
        of_files = made is not None and not made.is_text
        for value, where in zip(values, self.places, strict=True):
            try:
                told = value is None or isinstance(value, DataError)
                one = self.of_file if of_files else self.one
                found.append(value if told else one(column, kind, value, where, form))
            except DataError as fault:
                found.append(fault.with_traceback(None))
        return found

    def of_file(self, column: str, kind: str, value: Raw, where: str, form: str) -> Raw:
        """One value that is there, of a kind that has files."""
        if isinstance(value, str) and modalities[kind].endings:
            return self.path(column, kind, value, where)
        return held(column, kind, value, where)

    def one(self, column: str, kind: str, value: Raw, where: str, form: str) -> Raw:
        """One value that is there, of another kind; None of a number or a date that says nothing all the same."""
        if kind in ("number", "date") and is_no_amount(value):
            return None
        if kind == "number":
            number = None if isinstance(value, (bool, np.bool_)) else number_of(value, form)
            if number is None or abs(number) > LARGEST:
                what = "a number" if number is None else "a number that is not too large"
                raise odd(column, kind, value, where, f"where {what} should be", "bad_number", form)
            return number
        if kind == "date":
            when = date_of(value, form)
            if when is None:
                raise odd(column, kind, value, where, "where a date should be", "bad_date")
            return when.isoformat()
        if kind == "multi_category" and isinstance(value, (str, list, tuple)):
            return parts_of(value, form)
        if isinstance(value, bytes) and look(value) == "text":
            value = value.decode("utf-8")
        if not isinstance(value, (str, bool, int, float, Decimal)):
            raise odd(column, kind, value, where, "where a text should be", f"bad_{kind}")
        return text_of(value) if kind == "category" or not isinstance(value, str) else value

    def path(self, column: str, kind: str, value: str, where: str) -> str:
        """The path of a file below the root."""
        text = value.strip()
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", text):
            told = "an address, which is not fetched; download the file and give its path"
            raise DataError(f"Column '{column}' has '{shown(text)}' in {where}, {told}.", "bad_path")
        try:
            path = (self.root / text).resolve()
            if "\\" in text and not path.exists():  # as Windows writes it
                text = text.replace("\\", "/")
                path = (self.root / text).resolve()
            leads_out = not path.is_relative_to(self.root)
            known = kind_of_path(text) is not None or (path.is_file() and not leads_out)
        except (OSError, RuntimeError, ValueError) as error:
            message = (
                f"Column '{column}' has a path in {where} that cannot be followed ({shown(text)}: {error}); {WAYS}."
            )
            raise DataError(message, "bad_path") from None
        if leads_out and not self.allow_outside:
            raise DataError(
                f"The path '{shown(text)}' in {where} leads out of '{self.root}'; move the file there, give another "
                "folder (--root DIR, root=), or allow it (--allow-outside, allow_outside=True).",
                "bad_path",
            )
        ending = Path(text).suffix.lower()
        if not known:
            raise odd(column, kind, value, where, f"where the path of a file ({kind}) should be", f"bad_{kind}")
        if (remedy := remedy_of(ending)) and not text.lower().endswith(modalities[kind].endings):
            told = f"a kind of file that nothing here reads; {remedy}"
            raise DataError(f"Column '{column}' has '{shown(text)}' in {where}, {told}.", "unread_ending")
        return str(path)


def held(column: str, kind: str, value: Raw, where: str) -> Raw:
    """What stands in a cell in place of a file's path: its bytes, an array, a waveform with its rate, a picture."""
    with suppress(TypeError, ValueError, OverflowError):
        return modalities[kind].from_cell(value)
    raise odd(column, kind, value, where, f"where a path or the {kind} itself should be", f"bad_{kind}")


def odd(column: str, kind: str, value: Raw, where: str, wanted: str, cause: str, form: str = "") -> DataError:
    """The fault of a cell that is not what its column is.

    Args:
        form: how the cells of the column were taken to be written.
    """
    how = f" or how it is written ({told_form(column, form)})" if kind == "number" else ""
    return DataError(
        f"Column '{column}' has '{shown(value)}' in {where}, {wanted}; {WAYS}, or say what the column is "
        f"(--kind {shlex.quote(column)}={'text' if kind != 'text' else 'ignore'}){how}.",
        cause,
    )


def told_form(column: str, form: str) -> str:
    """How it is said that the numbers of a column have the other decimal mark."""
    return f"--kind {shlex.quote(column)}=number:{'.' if form.startswith(',') else ','}"
