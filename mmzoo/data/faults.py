"""What is done about records that cannot be used, and the count of them by cause."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.data.lazy.columns import Column, TableColumn, given, mended
from mmzoo.data.lazy.threads import in_threads
from mmzoo.data.records import Records
from mmzoo.errors import DataError, MMZooError, check_number, require, unknown
from mmzoo.labels import encoded_label
from mmzoo.modalities.base import Modality
from mmzoo.modalities.tabular.cells import is_missing
from mmzoo.spec import Spec

POLICIES = ("error", "skip", "mask")
SHOWN = 5  # records named for each cause


def allowed(budget: float, records: int) -> float:
    """How many of some records may be bad: their share, and of however few records one, unless it is none."""
    return max(budget * records, 1.0) if budget else 0.0


@dataclass
class Faults:
    """Records that cannot be used, by cause, and what is done about them.

    Args:
        on_error: "error": the first one ends the work; "skip": such a record is left out; "mask": what is bad in
            it is taken for missing, and the record is left out only if nothing is left of it.
        budget: the share of the records that may be bad before the work ends all the same; one always may, unless
            it is 0.
    """

    on_error: str = "error"
    budget: float = 0.01
    records: int = 0
    bad: set[str] = field(default_factory=set)
    found: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    """Of a table, whose records these are, as `usable` was told: "train", "test" ..."""

    def __post_init__(self) -> None:
        if self.on_error not in POLICIES:
            raise unknown("policy on_error called", self.on_error, POLICIES)
        check_number("The budget of bad records", self.budget, 0, 1)

    def add(self, record: str, error: MMZooError) -> None:
        """Count a fault of a record, or raise it where the policy is "error"."""
        cause = error.cause if isinstance(error, DataError) else "other"
        if self.on_error == "error":
            raise DataError(f"Record '{record}': {error}", cause) from error
        self.bad.add(record)
        self.found.setdefault(cause, []).append((record, str(error)))

    def has(self, record: str, error: MMZooError) -> bool:
        """Is this fault counted? A line that was not understood is one in every column."""
        cause = error.cause if isinstance(error, DataError) else "other"
        return (record, str(error)) in self.found.get(cause, [])

    @property
    def counts(self) -> dict[str, int]:
        """Faults by cause, the most frequent first."""
        return dict(sorted(((c, len(f)) for c, f in self.found.items()), key=lambda pair: (-pair[1], pair[0])))

    def table(self, counts: dict[str, int] | None = None, bad: int | None = None) -> str:
        """The counts, the first records of each cause, and what is wrong with the first.

        Args:
            counts, bad: where not all of them are here: how many there are by cause, and in how many records.
        """
        counts, bad = counts or self.counts, len(self.bad) if bad is None else bad
        if not bad:
            return f"None of {self.records} records has anything that cannot be used."
        done = {"skip": "left out", "mask": "taken for missing", "error": "refused"}[self.on_error]
        whose = f"{' and '.join(self.parts)} records" if self.parts else "records"
        lines = [f"{bad} of {self.records} {whose} have something that cannot be used ({done}):"]
        for cause, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
            names = ", ".join(record for record, _ in self.found[cause][:SHOWN])
            lines += [f"  {count:6d}  {cause}: {names}{', ...' if count > SHOWN else ''}"]
            lines += [f"          {self.found[cause][0][1]}"]
        return "\n".join(lines)

    def to_json(self) -> dict[str, object]:
        """`records`, `bad`, `errors` by cause, and the first records of each."""
        first = {cause: [record for record, _ in self.found[cause][:SHOWN]] for cause in self.counts}
        return {
            "on_error": self.on_error,
            "budget": self.budget,
            "records": self.records,
            "bad": len(self.bad),
            "errors": self.counts,
            "first": first,
        }

    def check_budget(self) -> None:
        """Raise if more records are bad than the budget allows; with the table.

        One that only has no label does not count: it is whole, and nothing can be learned from it.
        """
        bad = {record for cause, found in self.found.items() if cause != "missing_label" for record, _ in found}
        needed = math.ceil(1000 * len(bad) / max(self.records, 1)) / 1000
        require(
            len(bad) <= allowed(self.budget, self.records),
            f"{self.table()}\nThat is over the budget of {self.budget:.2%}; mend the records, or raise the budget "
            f"(--budget {needed:g}) and give the same command again.",
        )


def usable(spec: Spec, records: Records, faults: Faults, what: str = "records", *, unlabelled: bool = False) -> Records:
    """The records that can be used, after one pass over all files and labels; faults are counted in `faults`.

    Records without any label are left out, and that is said. No file is read where the policy is "error": decoding
    will name the first. Files in shards were looked at when the shards were written.

    Args:
        unlabelled: are records without any label of use?

    Raises:
        MMZooError: more are bad than the budget allows, or none is left.
    """
    records = records if unlabelled else labelled(spec, records, what)
    if faults.on_error == "error":
        for row, told in told_faults(spec, records):
            faults.add(records.ids[row], told)
        return records
    faults.records += len(records)
    faults.parts += [what] if what != "records" else []
    columns: dict[str, Sequence[Raw]] = dict(records.columns)
    kept = [True] * len(records)
    for item in spec.inputs:
        values = records.column(item.name)
        if isinstance(values, Column) and not isinstance(values, TableColumn):
            continue
        others: dict[int, object] = {}
        for row, error in enumerate(checked(item, values, f"{what}: {item.name}")):
            if error is not None:
                if not faults.has(records.ids[row], error):
                    faults.add(records.ids[row], error)
                others[row] = item.mended(values[row], partial(is_good, item))
                kept[row] &= faults.on_error == "mask"
        columns[item.name] = mended(values, others)
    for task in spec.tasks:
        if task.target != "label":
            continue
        answers = columns[task.name] = list(records.column(task.name))
        for row, value in enumerate(answers):
            try:
                if not is_missing(value):
                    encoded_label(task, value)
            except DataError as fault:
                if not faults.has(records.ids[row], fault):
                    faults.add(records.ids[row], fault)
                answers[row] = None
                kept[row] &= faults.on_error == "mask"
    present = np.any([given(columns[item.name]) for item in spec.inputs], axis=0).tolist()
    for row, record in enumerate(records.ids):
        if kept[row] and not present[row]:
            faults.add(record, DataError("It has none of the inputs.", "no_input"))
            kept[row] = False
        asked = [task.column for task in spec.tasks]
        if kept[row] and not unlabelled and all(name and is_missing(columns[name][row]) for name in asked):
            faults.add(record, DataError("It has no label.", "missing_label"))
            kept[row] = False
    faults.check_budget()
    require(any(kept), f"No record is left.\n{faults.table()}")
    whole = Records(columns, records.ids, layout=records.layout)
    return whole.select([row for row, good in enumerate(kept) if good])


def labelled(spec: Spec, records: Records, what: str) -> Records:
    """The records that have a label of one of the tasks; how many have none is said. If none has one, all of them."""
    asked = [task.column for task in spec.tasks]
    if None in asked:
        return records
    columns = [records.column(name) for name in asked if name]
    kept = [row for row, answers in enumerate(zip(*columns, strict=True)) if not all(map(is_missing, answers))]
    if len(kept) in (0, len(records)):
        return records
    none = len(records) - len(kept)
    print(f"{what}: {none} of {len(records)} records without a label, which are left out")
    return records.select(kept)


def told_faults(spec: Spec, records: Records) -> list[tuple[int, DataError]]:
    """The cells that the reader of the table has found to be of no use, by the numbers of their records, in order."""
    labels = [task.name for task in spec.tasks if task.target == "label"]
    columns = [records.column(name) for name in [*spec.input_names, *labels]]
    columns = [each for each in columns if not isinstance(each, Column) or isinstance(each, TableColumn)]
    return [
        (row, cell)
        for row, values in enumerate(zip(*columns, strict=True))
        for value in values
        for cell in (value.values() if isinstance(value, dict) else (value,))
        if isinstance(cell, DataError)
    ]


def checked(item: Modality, values: Sequence[object], what: str) -> list[MMZooError | None]:
    """What is wrong with each value, None where nothing is or none is given."""
    return in_threads(lambda value: fault_of(item, value), values, what)


def is_good(item: Modality, value: Raw) -> bool:
    """Can a value be used?"""
    return fault_of(item, value) is None


def fault_of(item: Modality, value: Raw) -> MMZooError | None:
    """What is wrong with a value."""
    if isinstance(value, DataError):
        return value
    try:
        if value is not None:
            item.check(value)
    except MMZooError as error:
        return error
    return None
