"""Records that a run has learnt from: what it is worth on these says little of others."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.data.lazy.columns import Column, TableColumn
from mmzoo.data.records import Records

if TYPE_CHECKING:
    from mmzoo.run import Run


def warn_of_seen(run: Run, records: Records) -> None:
    """Say how many of some records are among those that a run was trained on, where these may be read."""
    count = seen(run.spec.input_names, run.records("train"), records) if run.has_data else 0
    if count:
        logging.getLogger("mmzoo").warning(
            f"The run has learnt from {count:,} of these {len(records):,} records, so that it is worth less on others; "
            "without a table, its own test records are asked."
        )


def seen(names: Sequence[str], train: Records, records: Records) -> int:
    """How many records hold in each input what one of the training records holds there.

    Files are the same by their paths, for none is read. Of shards nothing is known.
    """
    sides = [[each.column(name) for name in names] for each in (train, records)]
    if any(isinstance(column, Column) and not isinstance(column, TableColumn) for side in sides for column in side):
        return 0
    ours, theirs = ((tuple(map(key, row)) for row in zip(*side, strict=True)) for side in sides)
    known = {row for row in ours if any(row)}
    return sum(row in known for row in theirs)


def key(value: object) -> Hashable:
    """What is the same for the same cell; None for none."""
    if isinstance(value, dict):
        return tuple(sorted((name, str(each)) for name, each in value.items()))
    return value.tobytes() if isinstance(value, np.ndarray) else value if value is None else str(value)
