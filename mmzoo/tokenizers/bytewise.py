"""What the tokenizers in the graph are made of, in ops that every export format has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops


def lower_case(x: Any) -> Any:
    """The bytes (B, L) as int32, with A-Z as a-z."""
    x = ops.cast(x, "int32")
    return ops.where(ops.logical_and(x >= 65, x <= 90), x + 32, x)


def gather_places(values: Any, chosen: Any, length: int) -> Any:
    """The `values` (B, L) at the places where `chosen` is True, in order, in the first places of int32 (B, length)."""
    place = ops.cumsum(ops.cast(chosen, "float32"), axis=1) * ops.cast(chosen, "float32")
    wanted = ops.arange(1, length + 1, dtype="float32")
    picks = ops.cast(place[:, None, :] == wanted[None, :, None], "float32")
    # Ids are below 2**24, so the sums of one number and zeros are exact in float32.
    return ops.cast(ops.matmul(picks, ops.cast(values, "float32")[..., None])[..., 0], "int32")


def find(table: Sequence[Any], first: Any, second: Any) -> Any:
    """The id of the piece with both hashes, by binary search in (first, second, id) sorted by the first; else 0."""
    firsts, seconds, ids = table
    last = firsts.shape[0] - 1
    low = ops.zeros_like(first)
    for bit in reversed(range(last.bit_length())):
        probe = ops.minimum(low + 2**bit, last)
        low = ops.where(ops.take(firsts, probe) <= first, probe, low)
    same = ops.logical_and(ops.take(firsts, low) == first, ops.take(seconds, low) == second)
    return ops.where(same, ops.cast(ops.take(ids, low), "int32"), 0)


def shifted(x: Any, places: int) -> Any:
    """`x` (B, L) moved left by `places`, zeros coming in."""
    if places == 0:
        return x
    if places >= x.shape[1]:
        return ops.zeros_like(x)
    return ops.pad(x[:, places:], ((0, 0), (0, places)))
