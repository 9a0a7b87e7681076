"""Records as they are put into an index: their vectors, and what is shown of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from mmzoo.aliases import Raw
from mmzoo.answers.pieces import pieces
from mmzoo.data.faults import Faults, checked
from mmzoo.data.records import Records
from mmzoo.data.rereading import Reread
from mmzoo.errors import DataError, MMZooError
from mmzoo.index.columns import Entry
from mmzoo.modalities.base import Modality
from mmzoo.modalities.files import unwrapped

if TYPE_CHECKING:
    from mmzoo.run import Run


def entries_of(
    run: Run, source: Raw, reread: Reread, root: Path, inputs: list[str], faults: Faults, previews: bool | None
) -> Iterator[Entry]:
    """The records of a table.

    Args:
        root: the folder that paths are kept relative to.
        inputs: whose vectors are kept.
        faults: what is done about records that cannot be used; counted there.
        previews: is a small picture or the sound of each record kept? None: where it has no file of its own.

    Raises:
        MMZooError: a record cannot be used, or more than the budget allows.
    """
    with tqdm(desc="records", unit="record", disable=None, leave=False, delay=2.0) as bar:
        for piece in pieces(source, reread):
            count = len(piece.records)
            records = sound(run, piece.records, faults)
            if len(records):
                wanted = [name for name in inputs if name in records.columns]
                vectors = run.embed(records, inputs=wanted)
                for row in range(len(records)):
                    if (entry := entry_of(run, records, vectors, row, root, previews, faults)) is not None:
                        yield entry
            bar.update(count)
    faults.check_budget()


def sound(run: Run, records: Records, faults: Faults) -> Records:
    """The records that can be used, which are counted."""
    faults.records += len(records)
    if faults.on_error == "error":
        return records
    columns: dict[str, Sequence[Raw]] = dict(records.columns)
    kept = np.ones(len(records), bool)
    for item in run.spec.inputs:
        if item.name not in columns:
            continue
        values = columns[item.name] = list(columns[item.name])
        for row, error in enumerate(checked(item, values, item.name)):
            if error is not None:
                faults.add(records.ids[row], error)
                values[row] = None
                kept[row] &= faults.on_error == "mask"
    return Records(columns, records.ids).select(np.flatnonzero(kept).tolist())


def entry_of(
    run: Run,
    records: Records,
    vectors: dict[str, np.ndarray],
    row: int,
    root: Path,
    previews: bool | None,
    faults: Faults,
) -> Entry | None:
    """One record; None where it has none of the inputs, which is counted as a fault."""
    name = records.ids[row]
    there = {each: found[row] for each, found in vectors.items() if not np.isnan(found[row]).all()}
    if not there:
        faults.add(name, DataError(f"It has none of the inputs {', '.join(vectors)}; leave it out.", "no_input"))
        return None
    entry = Entry(name, there)
    for item in run.spec.inputs:
        value = records.columns[item.name][row] if item.name in records.columns else None
        if value is not None:
            add_shown(entry, item, value, root, previews)
    return entry


def add_shown(entry: Entry, item: Modality, value: Raw, root: Path, previews: bool | None) -> None:
    """What is kept of a value: a text, the path of a file, or a small picture or the sound itself."""
    value = unwrapped(value)
    of_file = False
    if item.endings and isinstance(value, (str, os.PathLike)):
        of_file = True
        path = Path(os.path.abspath(value))  # noqa: PTH100, a link on the way stays what the user wrote
        entry.shown[item.name] = {"path": str(path.relative_to(root) if path.is_relative_to(root) else path)}
    elif item.is_text or not item.endings:
        entry.shown[item.name] = {"text": item.shown(value).text}
    if item.endings and (previews or (previews is None and not of_file)):
        try:
            entry.files[item.name] = item.preview(value) or item.shown(value).sound
        except MMZooError:  # a model may read what nobody can show
            entry.files.pop(item.name, None)
