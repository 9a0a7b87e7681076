"""Is a source fit to learn from? Bad files, labels, duplicates, leaks between its splits, numbers far out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.data.faults import Faults
from mmzoo.data.lazy.threads import in_threads
from mmzoo.data.schema.kinds import inputs as input_kinds
from mmzoo.data.schema.told import MANY, Told, column_lines, names_of
from mmzoo.data.table import Source
from mmzoo.data.tables.labels import LABELS
from mmzoo.errors import DataError, MMZooError
from mmzoo.fingerprints import exact, near_groups, plain_words
from mmzoo.messages.truncation import count_truncations
from mmzoo.modalities.tabular.cells import is_missing, number_of

LONG = 30  # characters from which the same text in two splits is a leak, not a common word
Keys: TypeAlias = Sequence[Hashable]
"""By record, what is equal where values are; None where there is none."""
FAR = 10.0  # robust deviations from the median at which a number is far out


@dataclass
class Check:
    """What was found. Records are named by their ids."""

    source: str
    splits: dict[str, int]
    kinds: dict[str, str]
    faults: Faults
    missing: dict[str, int] = field(default_factory=dict)
    labels: dict[str, dict[str, int]] = field(default_factory=dict)
    duplicates: list[tuple[str, str, str]] = field(default_factory=list)
    leaks: list[tuple[str, str, str]] = field(default_factory=list)
    outliers: dict[str, list[str]] = field(default_factory=dict)
    replaced: int = 0
    notes: dict[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def class_weights(self) -> dict[str, float]:
        """What makes every label count the same: `records / (labels * count)`, of the training records."""
        counts = self.labels.get("train") or next(iter(self.labels.values()), {})
        return {name: round(sum(counts.values()) / (len(counts) * n), 4) for name, n in counts.items()}

    @property
    def amounts(self) -> dict[str, tuple[int, str, str, str]]:
        """Where labels are amounts: how many each split has, and the smallest, the median and the largest."""
        told = {name for counts in self.labels.values() for name in counts}
        numbers = {name: number for name in told if (number := number_of(name)) is not None}
        if len(told) <= LABELS or len(numbers) < len(told):
            return {}
        found = {}
        for split, counts in self.labels.items():
            each = [numbers[name] for name, count in counts.items() for _ in range(count)]
            if each:
                low, middle, high = (f"{value:,.6g}" for value in (min(each), np.median(each), max(each)))
                found[split] = len(each), low, middle, high
        return found

    @property
    def label_counts(self) -> dict[str, int]:
        """How many records each label has over all splits, the most frequent first."""
        labels: Counter[str] = Counter()
        for counts in self.labels.values():
            labels.update(counts)
        return dict(labels.most_common())

    def to_json(self) -> dict[str, object]:
        """The counts, as plain data: records, errors by cause, labels over all splits, duplicates and leaks."""
        return {
            "records": sum(self.splits.values()),
            "errors": self.faults.counts,
            "labels": self.label_counts,
            "duplicates": len(self.duplicates),
            "leaks": len(self.leaks),
        }

    def details(self) -> dict[str, object]:
        """What the counts of `to_json` are made of, record by record."""
        return {
            "source": self.source,
            "splits": self.splits,
            "columns": self.kinds,
            "note": self.note,
            "notes": self.notes,
            "first": self.faults.to_json()["first"],
            "missing": self.missing,
            "labels_by_split": self.labels,
            "class_weights": self.class_weights,
            "duplicate_records": [list(pair) for pair in self.duplicates],
            "leaked_records": [list(pair) for pair in self.leaks],
            "outliers": self.outliers,
            "replaced_characters": self.replaced,
        }

    def text(self) -> str:
        """The same in lines for a terminal."""
        count = sum(self.splits.values())
        shares = ", ".join(f"{n} {name}" for name, n in self.splits.items())
        lines = [f"{self.source}: {count} records ({shares})"]
        lines += [f"note: {self.note}"] if self.note else []
        told = [
            Told(column, column, kind, self.notes.get(column, ""), self.missing.get(column, 0))
            for column, kind in self.kinds.items()
        ]
        lines += [f"  {line}" for line in column_lines(told)]
        if self.faults.bad:
            lines += [self.faults.table()]
        amounts = self.amounts
        for split, (number, least, middle, most) in amounts.items():
            lines.append(f"Labels of {split}: {number} numbers from {least} to {most}, half of them up to {middle}")
        for split, counts in self.labels.items() if not amounts else ():
            shown = ", ".join(f"{label} {n}" for label, n in list(counts.items())[:12])
            lines.append(f"Labels of {split}: {shown}{', ...' if len(counts) > 12 else ''}")
        lines += [self._pairs("Duplicates", "records that repeat another", self.duplicates)]
        lines += [self._pairs("Leaks", "records outside the training set whose content is in it", self.leaks)]
        for column, ids in [*self.outliers.items()][:MANY]:
            lines.append(f"Far from the others in {column}: {', '.join(ids[:5])}{', ...' if len(ids) > 5 else ''}")
        if others := [*self.outliers][MANY:]:
            lines.append(f"Far from the others also in {names_of(others)}")
        if self.replaced:
            lines.append(f"Bytes that are not UTF-8 were replaced in {self.replaced} texts.")
        return "\n".join(lines)

    def _pairs(self, what: str, meaning: str, pairs: list[tuple[str, str, str]]) -> str:
        some = "; ".join(f"{one} = {other} ({how})" for one, other, how in pairs[:5])
        return f"{what}: {len(pairs)} {meaning}" + (f": {some}{'; ...' if len(pairs) > 5 else ''}" if pairs else "")


def check(source: Source) -> Check:
    """Read every value of a source once, and see what is in it."""
    found = Check(
        source.name, {name: len(part) for name, part in source.splits.items()}, source.kinds, Faults("mask", 1.0)
    )
    found.notes, found.note = source.notes, source.note
    found.faults.records = sum(found.splits.values())
    ids = [record for part in source.splits.values() for record in part.ids]
    splits = [name for name, part in source.splits.items() for _ in part.ids]
    columns = {name: [value for part in source.splits.values() for value in part.column(name)] for name in source.kinds}
    inputs = list(source.inputs)
    hashes, groups = {}, {}
    for name in inputs:
        found.missing[name] = sum(is_missing(value) for value in columns[name])
        hashes[name], groups[name] = looked_at(name, source.kinds[name], columns[name], ids, found)
    if source.label:
        for split, part in source.splits.items():
            for record, value in zip(part.ids, part.column(source.label), strict=True):
                if isinstance(value, DataError) and not found.faults.has(record, value):
                    found.faults.add(record, value)
            answers = [value for value in part.column(source.label) if not is_missing(value)]
            each = [value if isinstance(value, list) else [value] for value in answers]
            labels = [str(label) for labels in each for label in labels if not isinstance(label, DataError)]
            found.labels[split] = dict(Counter(labels).most_common())
        found.missing[source.label] = sum(is_missing(value) for value in columns[source.label])
    repeated(found, inputs, ids, hashes, groups)
    kinds = input_kinds()
    leaked(found, [name for name in inputs if source.kinds[name] in kinds], ids, splits, hashes, groups, columns)
    return found


def looked_at(name: str, kind: str, values: Sequence[object], ids: Sequence[str], found: Check) -> tuple[Keys, Keys]:
    """The exact hash of each value, and the group of those that are nearly the same; None where none is given."""
    made = input_kinds().get(kind)
    files = made is not None and bool(made.endings)
    there = [value for value in values if not (is_missing(value) or isinstance(value, DataError))] if files else []
    trial = made.trial(name, there) if made is not None else None

    def one(value: Raw) -> tuple[Hashable | MMZooError, np.ndarray | None]:
        if value is None if files else is_missing(value):
            return None, None
        try:
            if isinstance(value, DataError):
                return value, None
            if made is None or not files:
                return exact(value), None
            data = made.content(value)
            return exact(data), trial.fingerprint(trial.decode(value)) if trial is not None else None
        except MMZooError as error:
            return error, None

    with count_truncations(name, kind, len(values), told=True):  # no model is there that would cut them
        results = in_threads(one, values, f"reading {name}")
    hashes: list[Hashable] = []
    for record, (result, _) in zip(ids, results, strict=True):
        if isinstance(result, MMZooError) and not found.faults.has(record, result):
            found.faults.add(record, result)
        hashes.append(None if isinstance(result, MMZooError) else result)
    if kind == "number":
        good = [np.nan if is_missing(value) or isinstance(value, DataError) else float(str(value)) for value in values]
        far = far_out(np.array(good))
        if far.any():
            found.outliers[name] = [ids[int(row)] for row in np.flatnonzero(far)]
    if made is not None and made.is_text:
        found.replaced += sum("\ufffd" in str(value) for value in values)
        gone = [is_missing(value) or isinstance(value, DataError) for value in values]
        return hashes, [None if no else plain_words(str(value)) for no, value in zip(gone, values, strict=True)]
    maps = {k: small for k, (_, small) in enumerate(results) if small is not None and np.ptp(small) > 1}
    near = near_groups(maps, made.closeness) if made is not None else {}
    # What cannot be read is like nothing else.
    own = [row if isinstance(result, MMZooError) else hashes[row] for row, (result, _) in enumerate(results)]
    return hashes, [near.get(row, each) for row, each in enumerate(own)]


def far_out(numbers: np.ndarray) -> np.ndarray:
    """Which numbers are further than `FAR` robust deviations (1.4826 MAD) from the median; infinity is."""
    finite = np.isfinite(numbers)
    if not finite.any():
        return np.asarray(np.isinf(numbers))
    middle = np.median(numbers[finite])
    deviation = 1.4826 * np.median(np.abs(numbers[finite] - middle))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.isinf(numbers) | (finite & (deviation > 0) & (np.abs(numbers - middle) > FAR * deviation)))


def repeated(found: Check, inputs: list[str], ids: list[str], hashes: dict[str, Keys], groups: dict[str, Keys]) -> None:
    """Records all of whose inputs are those of an earlier one, exactly or nearly."""
    seen: dict[tuple[Hashable, ...], int] = {}
    for row, record in enumerate(ids):
        key = tuple(groups[name][row] for name in inputs)
        if all(part is None for part in key):
            continue
        other = seen.setdefault(key, row)
        if other != row:
            same = all(hashes[name][row] == hashes[name][other] for name in inputs)
            found.duplicates.append((record, ids[other], "the same" if same else "nearly the same"))


def leaked(
    found: Check,
    inputs: list[str],
    ids: list[str],
    splits: list[str],
    hashes: dict[str, Keys],
    groups: dict[str, Keys],
    columns: Mapping[str, Sequence[Raw]],
) -> None:
    """Records of another split that are in the training set too, as a whole or by a file or a longer text of theirs."""
    if "train" not in found.splits:
        return
    together = [*zip(*groups.values(), strict=True)]
    whole = [key if any(part is not None for part in key) else None for key in together]
    looked: list[tuple[str, Keys, Keys]] = [("record", whole, [*zip(*hashes.values(), strict=True)])]
    for name in inputs:
        keys = groups[name]
        if input_kinds()[found.kinds[name]].is_text:
            keys = [key if len(str(value)) >= LONG else None for key, value in zip(keys, columns[name], strict=True)]
        looked.append((name, keys, hashes[name]))
    done: set[int] = set()
    for what, held, exactly in looked:
        known: dict[Hashable, int] = {}
        for row, key in enumerate(held):
            if splits[row] == "train" and key is not None:
                known.setdefault(key, row)
        for row, key in enumerate(held):
            if splits[row] != "train" and key in known and row not in done:
                other = known[key]
                how = "the same" if exactly[row] == exactly[other] else "nearly the same"
                found.leaks.append((ids[row], ids[other], f"{how} {what}"))
                done.add(row)
