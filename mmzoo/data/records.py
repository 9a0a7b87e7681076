"""Records held in memory: columns of equal length, one of them the names of the records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mmzoo.errors import MMZooError, require, unknown
from mmzoo.spec import Spec


class Records:
    """Aligned columns: what each modality and each label is, record by record.

    Args:
        columns: a sequence a column. A value is anything the modality decodes (a path,
            bytes, an array, a string), a label, or None where a record lacks it.
        ids: a name for each record, for errors and reports; their positions, if not given.
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]], ids: Sequence[str] | None = None) -> None:
        lengths = {name: len(column) for name, column in columns.items()}
        require(lengths, "Records need at least one column.")
        self.ids = list(ids) if ids is not None else [str(k) for k in range(next(iter(lengths.values())))]
        for name, length in lengths.items():
            require(
                length == len(self.ids), f"Column '{name}' has {length} values for {len(self.ids)} records; align them."
            )
        self.columns = dict(columns)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {name: column[index] for name, column in self.columns.items()}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[k] for k in range(len(self)))

    def select(self, positions: Sequence[int]) -> Records:
        """The records at `positions`, in that order."""
        columns = {name: [column[k] for k in positions] for name, column in self.columns.items()}
        return Records(columns, [self.ids[k] for k in positions])

    def take(self, count: int) -> Records:
        """The first `count` records."""
        return self.select(range(min(count, len(self))))

    def column(self, name: str) -> Sequence[Any]:
        """One column, whole."""
        if name not in self.columns:
            raise unknown("column called", name, self.columns)
        return self.columns[name]


def decode(spec: Spec, records: Records) -> dict[str, np.ndarray]:
    """The tensors of all records as the model takes them: each input (N, *shape) and `present` bool (N, M).

    Raises:
        MMZooError: a record cannot be decoded, or has none of the inputs; names it.
    """
    require(len(records), "There are no records; give at least one.")
    arrays: dict[str, np.ndarray] = {}
    present = np.ones((len(records), len(spec.inputs)), bool)
    for index, item in enumerate(spec.inputs):
        out = np.zeros((len(records), *item.shape), item.dtype)
        for row, value in enumerate(records.column(item.name)):
            present[row, index] = value is not None
            if value is not None:
                try:
                    out[row] = item.decode(value)
                except MMZooError as error:
                    raise MMZooError(f"Record '{records.ids[row]}': {error}") from error
        arrays[item.name] = out
    for empty in np.flatnonzero(~present.any(axis=1)):
        raise MMZooError(f"Record '{records.ids[empty]}' has none of the inputs {spec.input_names}; leave it out.")
    return {**arrays, "present": present}


def encode_labels(spec: Spec, records: Records) -> dict[str, np.ndarray]:
    """The labels of all records, encoded, by task.

    Raises:
        MMZooError: a label is unknown or missing; names the record.
    """
    labels = {}
    for task in spec.tasks:
        encoded = []
        for name, value in zip(records.ids, records.column(task.name), strict=True):
            try:
                encoded.append(task.encode(value))
            except MMZooError as error:
                raise MMZooError(f"Record '{name}': {error}") from error
        labels[task.name] = np.stack(encoded)
    return labels
