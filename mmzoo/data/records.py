"""Records held in memory: columns of equal length, one of them the names of the records."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mmzoo.aliases import Raw, Tree
from mmzoo.data.lazy.columns import Chosen, Column
from mmzoo.data.lazy.examples import Examples
from mmzoo.data.schema.layout import Layout
from mmzoo.data.sharing import shared
from mmzoo.errors import MMZooError, require, unknown
from mmzoo.modalities.base import Modality
from mmzoo.spec import Spec


class Records:
    """Aligned columns: what each modality and each label is, record by record.

    Args:
        columns: a sequence a column. A value is anything the modality decodes (a path,
            bytes, an array, a string), a label, or None where a record lacks it. A `DataError` stands for one that
            cannot be used.
        ids: a name for each record, for errors and reports; their positions, if not given.
        layout: which columns of a table they were made of; None where they were not.
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[object]],
        ids: Sequence[str] | None = None,
        *,
        layout: Layout | None = None,
    ) -> None:
        self.layout = layout
        lengths = {name: len(column) for name, column in columns.items()}
        require(lengths, "Records need at least one column.")
        ids = ids if ids is not None else [str(k) for k in range(next(iter(lengths.values())))]
        self.ids: Sequence[str] = ids if isinstance(ids, Column) else list(ids)
        for name, length in lengths.items():
            require(
                length == len(self.ids), f"Column '{name}' has {length} values for {len(self.ids)} records; align them."
            )
        self.columns = dict(columns)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict[str, Raw]:
        return {name: column[index] for name, column in self.columns.items()}

    def __iter__(self) -> Iterator[dict[str, Raw]]:
        return (self[k] for k in range(len(self)))

    def select(self, positions: Sequence[int] | np.ndarray) -> Records:
        """The records at `positions`, in that order."""
        chosen = Chosen(positions)
        columns = {name: chosen.of(column) for name, column in self.columns.items()}
        return Records(columns, chosen.of(self.ids), layout=self.layout)

    def take(self, count: int) -> Records:
        """The first `count` records."""
        return self.select(range(min(count, len(self))))

    def column(self, name: str) -> Sequence[object]:
        """One column, whole."""
        if name not in self.columns:
            raise unknown("column called", name, self.columns)
        return self.columns[name]


def decode(spec: Spec, records: Records, *, memory: float = math.inf) -> dict[str, Tree]:
    """The tensors of all records as the model takes them: each input (N, *shape) and `present` bool (N, M).

    Args:
        memory: bytes that the inputs may take. Beyond it the largest are `Examples`, decoded when asked for.

    Raises:
        MMZooError: a record cannot be decoded, or has none of the inputs; names it.
    """
    require(len(records), "There are no records; give at least one.")
    found = {item.name: Examples(item, records.column(item.name), records.ids) for item in spec.inputs}
    present = np.stack([examples.there for examples in found.values()], axis=1)
    for empty in np.flatnonzero(~present.any(axis=1)).tolist():
        raise MMZooError(f"Record '{records.ids[empty]}' has none of the inputs {spec.input_names}; leave it out.")
    arrays: dict[str, Tree] = {"present": present}
    for name, examples in sorted(found.items(), key=lambda pair: pair[1].nbytes):
        memory -= examples.nbytes
        key = decoding_of(examples.item)
        arrays[name] = shared(key, examples.whole, of=examples.values) if memory >= 0 else examples
    return {name: arrays[name] for name in [*found, "present"]}


def decoding_of(item: Modality) -> str:
    """All of an input that says how it is decoded: not its tower, nor how it is augmented."""
    return json.dumps({key: value for key, value in item.to_json().items() if key not in ("tower", "augmentations")})
