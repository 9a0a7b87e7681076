"""What a shard keeps of each record of a source."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from mmzoo.aliases import Raw
from mmzoo.data.records import Records
from mmzoo.data.schema.kinds import inputs
from mmzoo.data.shards.indexes import as_json, indexed
from mmzoo.data.shards.serialization import MAX_RECORD, example, framed
from mmzoo.data.table import Source
from mmzoo.errors import DataError, MMZooError, require_data
from mmzoo.modalities import modalities
from mmzoo.modalities.base import Modality


@dataclass(frozen=True)
class Prepared:
    """How the values of records are kept.

    Args:
        inputs: of a spec: of the columns of these names only what they read is kept, and all others whole.
        lossy: may pictures and sounds differ a little, to be smaller?
    """

    inputs: Sequence[Modality] = ()
    lossy: bool = False

    def kept(self, name: str, value: Raw, kind: str, *, stored: bool) -> Any:
        """A value of a column as a shard keeps it, in bytes, or its index.

        Args:
            stored: is it in the shard?

        Raises:
            DataError: it is not of its kind.
        """
        for item in self.inputs:
            if item.name == name:
                return item.prepared(value, self.lossy)
        return modalities[kind].to_stored(value) if stored else indexed(value, kind)

    @property
    def words(self) -> str:
        """What tells it from other ways to prepare the same records."""
        fields = [{**item.to_json(), "tower": None, "augmentations": None} for item in self.inputs]
        return f"prepared {hashlib.sha256(as_json([fields, self.lossy])).hexdigest()[:16]}"


WHOLE = Prepared()


@dataclass(frozen=True)
class Kept:
    """What is kept of a record.

    Args:
        there: by column that is in the shard, whether the record has something there.
        values: of the other columns, which are in the index.
        bad: of each fault the record, the cause and what is wrong.
        frame: the bytes in the shard; None where the record is left out.
    """

    record: str
    split: str
    there: dict[str, bool]
    values: dict[str, Raw]
    bad: list[list[str]]
    frame: bytes | None


class AllKept(Protocol):
    """All records of a source, each as it is kept."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, row: int) -> Kept:
        """What is kept of a record.

        Raises:
            DataError: it cannot be used, and such a record ends the work.
        """


@dataclass(frozen=True)
class Here:
    """All records of a source, each as it is kept, found when it is asked for.

    Args:
        kinds: of the columns that are kept.
        on_error: what is done about records that cannot be used, see `mmzoo.data.faults.Faults`.
    """

    source: Source
    kinds: dict[str, str]
    on_error: str
    prepared: Prepared

    @cached_property
    def stored(self) -> frozenset[str]:
        """The columns that are in the shard; the others are in its index."""
        return frozenset(name for name, kind in self.kinds.items() if kind in inputs())

    def __len__(self) -> int:
        return sum(len(part) for part in self.source.splits.values())

    def __getitem__(self, row: int) -> Kept:
        split, part, row = self._place(row)
        record = str(part.ids[row])
        features: dict[str, bytes | None] = {}
        others: dict[str, Any] = {}
        bad: list[list[str]] = []
        for name, kind in self.kinds.items():
            stored = name in self.stored
            found = features if stored else others
            try:
                value = part.column(name)[row]
                if isinstance(value, DataError):
                    raise value
                found[name] = None if value is None else self.prepared.kept(name, value, kind, stored=stored)
                taken = sum(len(each) for each in features.values() if each is not None)
                require_data(taken < MAX_RECORD, "too_large", f"It has {taken} bytes, over the limit of {MAX_RECORD}.")
            except MMZooError as error:
                cause = error.cause if isinstance(error, DataError) else "other"
                if self.on_error == "error":
                    raise DataError(f"Record '{record}': {error}", cause) from error
                if [record, cause, str(error)] not in bad:
                    bad.append([record, cause, str(error)])
                found[name] = None
        there = {name: data for name, data in features.items() if data is not None}
        left_out = bad and (self.on_error == "skip" or (features and not there))
        frame = None if left_out else framed(example(there))
        return Kept(record, split, {name: name in there for name in features}, others, bad, frame)

    def _place(self, row: int) -> tuple[str, Records, int]:
        """The split of a record, and where it is in that."""
        for split, part in self.source.splits.items():
            if row < len(part):
                return split, part, row
            row -= len(part)
        raise IndexError(row)
