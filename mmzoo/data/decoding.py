"""Records as a model takes them, with what is done about those that cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.data.faults import is_good
from mmzoo.data.records import Records
from mmzoo.errors import DataError, MMZooError
from mmzoo.modalities.base import Modality
from mmzoo.spec import Spec

TOGETHER = 16
"""Values that a thread decodes at a time: to hand over one by one takes longer than to decode a short text."""


@dataclass(frozen=True)
class Decoded:
    """Some records, decoded.

    Args:
        inputs: of the records that can be used: each input (K, *shape), and `present` bool (K, M).
        rows: which of the records these are, (K,).
        reasons: of each record what is wrong with it, "" where nothing is; (N,).
        causes: of each record what that is counted by.
    """

    inputs: dict[str, np.ndarray]
    rows: np.ndarray
    reasons: list[str]
    causes: list[str]


def decoded(spec: Spec, records: Records, on_error: str, pool: ThreadPoolExecutor) -> Decoded:
    """Decode records; what is wrong with them is treated as `mmzoo.data.faults.Faults` says.

    Raises:
        DataError: `on_error` is "error", and one cannot be used; names it.
    """
    count = len(records)
    arrays: dict[str, np.ndarray] = {}
    present = np.zeros((count, len(spec.inputs)), bool)
    reasons, causes = [""] * count, [""] * count
    kept = np.ones(count, bool)
    for place, item in enumerate(spec.inputs):
        out = arrays[item.name] = np.zeros((count, *item.shape), item.dtype)
        values = records.column(item.name)
        fill = partial(filled, item, out, values, on_error == "mask")
        parts = (range(start, min(start + TOGETHER, count)) for start in range(0, count, TOGETHER))
        found = pool.map(lambda rows, fill=fill: [fill(row) for row in rows], parts)
        for row, (here, error) in enumerate(chain.from_iterable(found)):
            present[row, place] = here
            if error is not None:
                note(records.ids[row], row, error, reasons, causes, on_error)
                kept[row] &= on_error == "mask"
    for row in np.flatnonzero(kept & ~present.any(axis=1)).tolist():
        if not reasons[row]:
            fault = DataError(f"It has none of the inputs: {', '.join(spec.input_names)}.", "no_input")
            note(records.ids[row], row, fault, reasons, causes, on_error)
        kept[row] = False
    rows = np.flatnonzero(kept)
    inputs = {name: array[rows] if len(rows) < count else array for name, array in arrays.items()}
    return Decoded({**inputs, "present": present[rows]}, rows, reasons, causes)


def note(record: str, row: int, error: MMZooError, reasons: list[str], causes: list[str], on_error: str) -> None:
    """Write down what is wrong with a record, or raise it."""
    cause = error.cause if isinstance(error, DataError) else "other"
    if on_error == "error":
        raise DataError(f"Record '{record}': {error}", cause) from error
    if str(error) not in reasons[row]:  # a line that was not understood is a fault in every column
        reasons[row] = f"{reasons[row]} {error}".strip()
    causes[row] = causes[row] or cause


def filled(
    item: Modality, out: np.ndarray, values: Sequence[Raw], mend: bool, row: int
) -> tuple[bool, MMZooError | None]:
    """Decode one value into its place: is it there, and what is wrong with it?"""
    try:
        value = values[row]
    except MMZooError as error:  # of a shard
        return False, error
    if value is None:
        return False, None
    fault = decode_into(item, out[row], value)
    if fault is None:
        return True, None
    if mend and not isinstance(value, DataError):
        left = item.mended(value, partial(is_good, item))
        if left is not None and decode_into(item, out[row], left) is None:
            return True, fault
    out[row] = 0
    return False, fault


def decode_into(item: Modality, out: np.ndarray, value: Raw) -> MMZooError | None:
    """What is wrong with a value, which is decoded into `out` where nothing is."""
    if isinstance(value, DataError):
        return value
    try:
        item.decode_into(out, value)
    except MMZooError as error:
        return error
    return None
